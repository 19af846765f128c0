"""Two runs compared by a metric of the user's own: better or worse by its direction, with paired resamples."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.compare.paired import Candidate
from relight.compare.predictions import parse_test_predictions
from relight.compare.runs import ComparedRun, compare_runs
from relight.compare.significance import N_RESAMPLES
from relight.compare.wording import comparison_notes, verdict_text
from relight.data.schema import Task
from relight.metrics.forecasts import forecast_scores
from relight.metrics.own import OwnMetric, load_metric
from relight.metrics.own_scores import own_scores
from relight.metrics.scorers import compute_scores
from relight.own_code.calls import Call
from tests.own_projects import enter

METRICS = '''\
import numpy as np


def within(y_true, y_pred, sample_weight, share):
    return float(np.average(np.abs(y_pred - y_true) <= share, weights=sample_weight))


def bias(y_true, y_pred, sample_weight):
    return float(np.average(y_pred - y_true, weights=sample_weight))


def absolute(y_true, y_pred, sample_weight):
    return float(np.abs(y_pred - y_true).mean())


def first_is_best(y_true, y_pred, sample_weight):
    """The share of queries whose first candidate has the largest relevance."""
    found = []
    for query in np.unique(y_true[:, 1]):
        rows = y_true[:, 1] == query
        found.append(y_true[rows, 0][y_pred[rows].argmax()] == y_true[rows, 0].max())
    return float(np.mean(found))
'''
N = 200
NOISE = np.random.default_rng(5).normal(size=N)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_compared=METRICS)


def metric(name: str, better: Any, **settings: Any) -> OwnMetric:
    return load_metric(Call(call=f"own_compared:{name}", **settings), name=name, better=better, key=name)


def run(
    name: str,
    said: np.ndarray,
    *own: OwnMetric,
    task: Task = "regression",
    table: pl.DataFrame | None = None,
    **more: Any,
) -> Candidate:
    """A run whose test rows are all 0, unless a table is given."""
    rows = pl.DataFrame({"row": np.arange(len(said)), "target": np.zeros(len(said))}) if table is None else table
    texts = rows.with_columns(prediction=pl.Series(said)).cast(pl.String)
    predictions = parse_test_predictions(task, texts, None, None)
    known = np.isfinite(predictions.y_true) if task == "forecast" else slice(None)
    if task == "forecast":
        scores = forecast_scores(predictions.y_true[:, None], predictions.y_pred[:, None], None)
    else:
        scores = compute_scores(task, predictions.y_true, predictions.y_pred)
    scores |= own_scores(own, task, predictions.y_true[known], predictions.y_pred[known], None)
    metrics = {"test": scores, "own_metrics": [each.entry() for each in own], **more}
    return Candidate(name, name[:7], {}, metrics, {}, predictions, [])


def said_of(run: ComparedRun, name: str) -> tuple[str, str]:
    score = run.scores[name]
    assert score.verdict is not None
    return verdict_text(score), score.verdict.reason


def test_higher_is_better_where_it_is_said_so() -> None:
    own = metric("within", "higher", share=0.5)
    _, other = compare_runs([run("one", NOISE, own), run("two", NOISE / 2, own)], 1)
    assert other.scores["within"].difference > 0
    assert said_of(other, "within")[0] == "better, larger than the noise"
    _, other = compare_runs([run("one", NOISE / 2, own), run("two", NOISE, own)], 1)
    assert said_of(other, "within")[0] == "worse, larger than the noise"


def test_the_same_rise_is_worse_if_lower_is_better() -> None:
    own = metric("within", "lower", share=0.5)
    _, other = compare_runs([run("one", NOISE, own), run("two", NOISE / 2, own)], 1)
    assert said_of(other, "within")[0] == "worse, larger than the noise"


def test_the_interval_is_that_of_an_independent_paired_bootstrap() -> None:
    own = metric("within", "higher", share=0.5)
    one, two = NOISE, np.roll(NOISE, 7) * 0.9
    _, other = compare_runs([run("one", one, own), run("two", two, own)], 1)
    draws, moved = np.random.default_rng(0), []
    for _ in range(N_RESAMPLES):
        rows = draws.integers(N, size=N)
        moved.append((np.abs(two[rows]) <= 0.5).mean() - (np.abs(one[rows]) <= 0.5).mean())
    low, high = np.quantile(moved, [0.025, 0.975])
    assert said_of(other, "within") == (
        "within the noise", f"on resampled rows the difference is {low:+.3g} to {high:+.3g}"
    )  # fmt: skip


def test_near_a_number_the_distance_from_it_counts() -> None:
    """The means are 0.5 and -0.1: the second is nearer to 0. And 0.5 and -0.5 are as good as each other."""
    own = metric("bias", 0)
    flat = NOISE - NOISE.mean()
    _, nearer = compare_runs([run("one", flat + 0.5, own), run("two", flat - 0.1, own)], 1)
    assert nearer.scores["bias"].difference == pytest.approx(-0.6, abs=1e-6)
    assert said_of(nearer, "bias")[0] == "better, larger than the noise"
    assert "difference of the distances from 0" in said_of(nearer, "bias")[1]
    _, opposite = compare_runs([run("one", flat + 0.5, own), run("two", flat - 0.5, own)], 1)
    assert said_of(opposite, "bias")[0] == "within the noise"


def test_near_a_number_intervals_that_are_apart_say_nothing(project: Path) -> None:
    """-0.5 and 0.5 are as good as each other, however narrow their intervals are."""
    own = metric("bias", 0)
    flat = NOISE - NOISE.mean()
    runs = [
        run(name, flat + mean, own, intervals={"test": {"bias": [mean - 0.1, mean + 0.1]}})
        for name, mean in (("one", -0.5), ("two", 0.5))
    ]
    (project / "own_compared.py").unlink()
    _, other = compare_runs(runs, 1)
    assert said_of(other, "bias")[0] == "cannot be said"


def test_of_a_ranking_queries_are_drawn() -> None:
    draw = np.random.default_rng(0)
    relevance = draw.integers(0, 3, 150)
    table = pl.DataFrame({"row": np.arange(150), "query": np.repeat(np.arange(50), 3), "target": relevance})
    own = metric("first_is_best", "higher")
    good, bad = relevance + draw.normal(0, 0.3, 150), draw.normal(size=150)
    runs = [run(name, said, own, task="ranking", table=table) for name, said in (("one", bad), ("two", good))]
    assert said_of(compare_runs(runs, 1)[1], "first_is_best")[0] == "better, larger than the noise"


def test_of_forecasts_blocks_are_drawn_as_for_the_same_score_of_relight() -> None:
    """The metric knows no weights and says what MAE says; a gap is left out of both."""
    steps = np.arange(120)
    target = pl.Series([None if step == 7 else 0.0 for step in steps])
    table = pl.DataFrame({"time": steps, "ahead": np.ones(120, dtype=int), "target": target})
    noise, own = np.random.default_rng(2).normal(size=120).round(3), metric("absolute", "lower")
    runs = [run(name, said, own, task="forecast", table=table) for name, said in (("one", noise), ("two", noise * 0.8))]
    _, other = compare_runs(runs, 1)
    assert said_of(other, "absolute") == said_of(other, "mae")
    assert said_of(other, "mae")[0] == "better, larger than the noise"


def changed(candidate: Candidate, **entry: Any) -> Candidate:
    """The run, with another record of its metric."""
    (recorded,) = candidate.metrics["own_metrics"]
    return candidate._replace(metrics={**candidate.metrics, "own_metrics": [{**recorded, **entry}]})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"better": "lower"}, "better is lower here, higher there"),
        ({"better": 0.5}, "better is 0.5 here, higher there"),
        ({"settings": {"share": 0.2}}, "its settings are share=0.2 here, share=0.5 there"),
        ({"settings": {}}, "its settings are none here, share=0.5 there"),
        ({"call": "own_compared:other"}, "it is own_compared:other here, own_compared:within there"),
        ({"files": {"own_compared.py": "0"}}, "the code of own_compared:within is not the same in both runs"),
        ({"better": "up"}, "which direction is better is not known"),
    ],
)
def test_what_was_measured_otherwise_is_not_compared(entry: dict[str, Any], reason: str) -> None:
    own = metric("within", "higher", share=0.5)
    first, other = run("one", NOISE, own), changed(run("two", NOISE / 2, own), **entry)
    compared = compare_runs([first, other], 1)
    assert said_of(compared[1], "within") == ("cannot be said", reason)
    assert f"Cannot be said of within: {reason}." in comparison_notes(compared)
    assert said_of(compared[1], "mae")[0] == "better, larger than the noise"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "must be a module of this project, got no file own_compared.py"),
        (METRICS + "# edited\n", "the code of own_compared:within here is not that of the runs"),
        ("def within(:\n", "own_compared.py:1: is not valid Python"),
    ],
)
def test_if_the_metric_is_not_here_it_is_said_why_there_is_no_interval(
    project: Path, code: str | None, reason: str
) -> None:
    own = metric("within", "higher", share=0.5)
    runs = [run("one", NOISE, own), run("two", NOISE / 2, own)]
    sys.modules.pop("own_compared")
    (project / "own_compared.py").unlink()
    if code is not None:
        (project / "own_compared.py").write_text(code)
    _, other = compare_runs(runs, 1)
    assert other.scores["within"].is_better
    assert said_of(other, "within")[0] == "cannot be said"
    assert reason in said_of(other, "within")[1]


def test_the_intervals_that_evaluate_made_stand_in_for_the_metric(project: Path) -> None:
    own = metric("within", "higher", share=0.5)
    runs = [
        run("one", NOISE, own, intervals={"test": {"within": [0.3, 0.4]}}),
        run("two", NOISE / 2, own, intervals={"test": {"within": [0.6, 0.7]}}),
    ]
    (project / "own_compared.py").unlink()
    assert said_of(compare_runs(runs, 1)[1], "within") == (
        "better, larger than the noise", "the intervals of both are apart"
    )  # fmt: skip


def test_a_recorded_value_that_the_metric_does_not_give_is_not_trusted() -> None:
    own = metric("within", "higher", share=0.5)
    runs = [run("one", NOISE, own), run("two", NOISE / 2, own)]
    runs[0].metrics["test"]["within"] = 0.99
    assert "and 0.99 was recorded" in said_of(compare_runs(runs, 1)[1], "within")[1]


@pytest.mark.parametrize("call", ["subprocess:run", "os:system", "../evil:f", 3, "missing.module:f"])
def test_a_name_in_metrics_json_is_imported_from_the_project_only(call: object) -> None:
    own = metric("within", "higher", share=0.5)
    runs = [changed(run(name, said, own), call=call) for name, said in (("one", NOISE), ("two", NOISE / 2))]
    assert said_of(compare_runs(runs, 1)[1], "within")[0] == "cannot be said"


def test_of_many_rows_and_runs_it_is_said_that_fewer_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relight.compare.own_scores.MAX_RESAMPLED_ROWS", 2 * N - 1)
    own = metric("within", "higher", share=0.5)
    _, other = compare_runs([run("one", NOISE, own), run("two", NOISE / 2, own)], 1)
    assert said_of(other, "within") == ("cannot be said", "it is resampled if fewer runs are named")
