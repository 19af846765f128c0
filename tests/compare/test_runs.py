"""Two forecasts held against each other: by stretches of time, for their windows overlap."""

import numpy as np
import polars as pl
import pytest

from relight.compare.paired import Candidate
from relight.compare.predictions import parse_test_predictions
from relight.compare.runs import ComparedRun, compare_runs
from relight.compare.wording import score_wording, verdict_text
from relight.metrics.forecasts import forecast_scores

HORIZON = 3


def run(name: str, off: float, *, n_windows: int = 100, coverage: float = 0.8, unit: float = 2.0) -> Candidate:
    """Forecasts of nothing, each as far off as a draw times `off`."""
    target = np.zeros((n_windows, HORIZON))
    said = off * np.random.default_rng(7).normal(size=target.shape).round(3)
    step = np.arange(n_windows)[:, None] + np.arange(HORIZON)
    table = pl.DataFrame(
        {"time": step.ravel(), "ahead": np.tile([1, 2, 3], n_windows), "target": target.ravel(),
         "prediction": said.ravel()}
    ).cast(pl.String)  # fmt: skip
    scores = {**forecast_scores(target, said, unit), "coverage_80": coverage}
    return Candidate(
        name, name[:7], {}, {"test": scores}, {}, parse_test_predictions("forecast", table, None, None), []
    )


def words(run: ComparedRun) -> dict[str, str]:
    return {name: verdict_text(score) for name, score in run.scores.items()}


def test_half_the_error_is_better_than_the_noise_and_the_difference_is_that_of_the_metrics() -> None:
    first, other = compare_runs([run("one", 1), run("two", 0.5)], 1)
    better = "better, larger than the noise"
    assert words(other) == {
        "mae": better, "coverage_80": "cannot be said", "mase": better, "rmse": better, "smape": "the same"
    }  # fmt: skip
    assert other.scores["mae"].difference == pytest.approx(-first.scores["mae"].value / 2)
    assert (other.changed_rows.n, other.changed_rows.n_better) == (300, 300)


def test_nothing_is_said_of_another_unit_and_of_few_steps_it_is_said_why() -> None:
    _, other = compare_runs([run("one", 1), run("two", 0.5, unit=1.0)], 1)
    assert words(other)["mase"] == "cannot be said"
    _, other = compare_runs([run("one", 1, n_windows=20), run("two", 0.5, n_windows=20)], 1)
    assert set(words(other).values()) == {"cannot be said"}
    assert other.scores["mae"].verdict.reason == "the 22 steps of the test rows are fewer than 5 blocks of 6"


def test_a_coverage_is_better_where_it_is_nearer_to_what_is_meant() -> None:
    """0.86 is nearer to 0.80 than 0.72."""
    _, other = compare_runs([run("one", 1, coverage=0.72), run("two", 1, coverage=0.86)], 1)
    assert other.scores["coverage_80"].is_better
    assert score_wording(other.scores["coverage_80"]).difference == "+0.14"
    _, other = compare_runs([run("one", 1, coverage=0.86), run("two", 1, coverage=0.72)], 1)
    assert not other.scores["coverage_80"].is_better
