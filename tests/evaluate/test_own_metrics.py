"""Own metrics in metrics.json: in every place where a score of Relight's stands, for every kind of data."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from relight.errors import InputError, RelightError
from relight.evaluate.evaluate import evaluate
from relight.evaluate.params import EvaluateParams
from relight.metrics.direction import BUILT_IN
from relight.runtime.params import check_section
from relight.runtime.strict_yaml import parse_yaml
from tests.evaluated_tables import Evaluated
from tests.own_projects import enter
from tests.test_resume_tasks import run

METRICS = '''\
import json
import numpy as np


def average_error(y_true, y_pred, sample_weight):
    return float(np.average(np.abs(y_true - y_pred), weights=sample_weight))


def log_loss_again(y_true, y_pred, sample_weight):
    return float(np.average(-np.log(np.clip(y_pred[np.arange(len(y_true)), y_true], 2e-16, 1)), weights=sample_weight))


def divergence(y_true, y_pred, sample_weight):
    return float(np.average((y_true * np.log(y_true / y_pred)).sum(axis=1), weights=sample_weight))


def reversed_pairs(y_true, y_pred, sample_weight):
    """The share of candidates of another relevance that stand in the wrong order; ties count half."""
    wrong = []
    for query in np.unique(y_true[:, 1]):
        relevance, score = y_true[y_true[:, 1] == query, 0], y_pred[y_true[:, 1] == query]
        above = relevance[:, None] > relevance[None, :]
        if above.any():
            gap = np.sign(score[None, :] - score[:, None])
            wrong.append(((gap + 1) / 2)[above].mean())
    return float(np.mean(wrong))


def decision(y_true, y_pred, sample_weight):
    return float(np.average((y_pred >= 0) == y_true, weights=sample_weight))


def shapes(y_true, y_pred, sample_weight, path):
    facts = [[list(a.shape), str(a.dtype), bool(np.isfinite(a).all())] for a in (y_true, y_pred, sample_weight)]
    with open(path, "a") as file:
        file.write(json.dumps(facts) + "\\n")
    return 0.5


def ignores(y_true, y_pred, sample_weight):
    return float(np.abs(y_true - y_pred).mean())


def correlation(y_true, y_pred, sample_weight):
    return float(np.corrcoef(y_true, y_pred)[0, 1]) if np.ptp(y_pred) > 0 else float("nan")


def broken(y_true, y_pred, sample_weight):
    return y_true[10**9]
'''


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return enter(tmp_path, monkeypatch, own_scores__metrics=METRICS)


def params(*names: str, **more: Any) -> EvaluateParams:
    better = {"better": "lower"}
    return EvaluateParams.model_validate(
        {"metrics": [{"call": f"own_scores.metrics:{name}", **better} for name in names], "bootstrap": 30, **more}
    )


def metrics_of(out: Path) -> dict[str, Any]:
    return json.loads((out / "metrics.json").read_text())


TWINS = {
    "regression": ("average_error", "mae"),
    "multiclass": ("log_loss_again", "log_loss"),
    "distribution": ("divergence", "kl_divergence"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Evaluated]:
    folder = tmp_path_factory.mktemp("trained")
    return {task: Evaluated(folder / task, task, seeds=2) for task in TWINS}  # type: ignore[arg-type]


@pytest.mark.parametrize("task", TWINS)
def test_it_stands_wherever_the_same_score_of_relight_stands(task: str, trained: dict[str, Evaluated]) -> None:
    """The twin of a score of Relight's has its values: of all parts, baseline, references, seeds, and its intervals."""
    own, twin = TWINS[task]
    metrics = metrics_of(trained[task].evaluate(params(own, references=["linear"]), "own"))
    places = [
        *(metrics[part] for part in ("train", "validation", "test")),
        *metrics["baseline"].values(),
        *metrics["references"]["linear"].values(),
        *({name: each[kind] for name, each in metrics["seeds"]["test"].items()} for kind in ("mean", "std")),
    ]
    assert len(places) == 10
    for place in places:
        assert place[own] == pytest.approx(place[twin], rel=1e-9)
    assert metrics["intervals"]["test"][own] == pytest.approx(metrics["intervals"]["test"][twin], rel=1e-9)


def test_the_other_bytes_stay_as_they_are_without_it(trained: dict[str, Evaluated]) -> None:
    table = trained["regression"]
    without, with_own = (
        metrics_of(table.evaluate(params(*names), f"bytes{len(names)}")) for names in ((), ("ignores",))
    )
    assert "own_metrics" not in without
    assert with_own.pop("own_metrics")[0]["name"] == "ignores"
    for place in (with_own["train"], with_own["validation"], with_own["test"], *with_own["baseline"].values()):
        place.pop("ignores")
    with_own["intervals"]["test"].pop("ignores")
    with_own["seeds"]["test"].pop("ignores")
    assert with_own == without


def test_two_runs_give_the_same_bytes(trained: dict[str, Evaluated]) -> None:
    one, two = (trained["regression"].evaluate(params("average_error"), name) for name in ("first", "second"))
    assert (one / "metrics.json").read_bytes() == (two / "metrics.json").read_bytes()


def test_weights_that_change_nothing_are_said(trained: dict[str, Evaluated]) -> None:
    out = trained["regression"].evaluate(params("average_error", "ignores"), "weights")
    notes = json.loads((out / "reports/notes.json").read_text())["notes"]
    assert [note for note in notes if "weights" in note] == [
        "ignores is the same with and without the weights of the rows."
    ]


def test_where_it_is_not_defined_it_is_left_out(trained: dict[str, Evaluated]) -> None:
    """The baseline is a constant, which correlates with nothing."""
    metrics = metrics_of(trained["regression"].evaluate(params("correlation"), "correlation"))
    assert 0.5 < metrics["test"]["correlation"] <= 1
    assert "correlation" not in metrics["baseline"]["test"]


def test_page_and_card_show_it_with_its_arrow(trained: dict[str, Evaluated]) -> None:
    metric = {"call": "own_scores.metrics:correlation", "better": "higher"}
    near = {"call": "own_scores.metrics:average_error", "better": 0.25, "name": "off"}
    out = trained["regression"].evaluate(EvaluateParams.model_validate({"metrics": [metric, near]}), "shown")
    shown = trained["regression"].plot(out, "plotted")
    page, card = (shown / "report.html").read_text(), (shown / "README.md").read_text()
    assert "<th>correlation ↑</th>" in page
    assert "<th>off → 0.25</th>" in page
    assert "| correlation ↑ | " in card


KINDS = {
    "a forecast by convolutions": ("average_error", "mae"),
    "sequences": ("log_loss_again", "log_loss"),
    "pairs": ("decision", "accuracy"),
    "a ranking": ("reversed_pairs", "pairwise_accuracy"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_has_it(kind: str, project: Path) -> None:
    run(project / "data", kind)
    (own, twin), data = KINDS[kind], project / "data"
    shapes = {"call": "own_scores.metrics:shapes", "better": "higher", "path": str(project / "facts")}
    asked = EvaluateParams.model_validate(
        {"bootstrap": 40, "metrics": [{"call": f"own_scores.metrics:{own}", "better": "lower"}, shapes]}
    )
    evaluate(
        asked, weights=data / "model.pth", description=data / "model.json", schema=data / "schema.json",
        table=data / "rows", train_rows=data / "train", validation_rows=data / "validation", test_rows=data / "test",
        metrics=project / "metrics.json", reports=project / "reports",
    )  # fmt: skip
    metrics = metrics_of(project)
    for part in ("train", "validation", "test"):
        expected = 1 - metrics[part][twin] if kind == "a ranking" else metrics[part][twin]
        assert metrics[part][own] == pytest.approx(expected, rel=1e-6), part
        assert metrics["baseline"][part].keys() >= {own, "shapes"}
        assert set(metrics[part]) <= {*BUILT_IN, own, "shapes"}
    low, high = metrics["intervals"]["test"][own]
    assert low <= metrics["test"][own] <= high
    if kind in ("sequences", "pairs"):
        assert (low, high) == pytest.approx(metrics["intervals"]["test"][twin])
    facts = [json.loads(line) for line in (project / "facts").read_text().splitlines()]
    (true, predicted, weight) = facts[0]
    assert true[0][0] == predicted[0][0] == weight[0][0]
    assert all(is_finite for _, _, is_finite in facts[0])
    assert predicted[1] == weight[1] == "float64"
    assert (true[1], len(true[0])) == {
        "a forecast by convolutions": ("float64", 1),
        "sequences": ("int64", 1),
        "pairs": ("int64", 1),
        "a ranking": ("float64", 2),
    }[kind]


def test_its_exception_is_said_with_file_and_line_before_anything_is_written(trained: dict[str, Evaluated]) -> None:
    with pytest.raises(RelightError) as caught:
        trained["regression"].evaluate(params("average_error", "broken"), "broken")
    line = METRICS.split("\n").index("    return y_true[10**9]") + 1
    (problem,) = caught.value.problems
    assert problem.startswith(f"evaluate.metrics.1: own_scores/metrics.py:{line}: in broken: IndexError: ")
    assert not (trained["regression"].folder / "broken/metrics.json").exists()


def test_all_that_cannot_be_loaded_is_said_at_once(trained: dict[str, Evaluated]) -> None:
    with pytest.raises(InputError) as caught:
        trained["regression"].evaluate(params("missing", "shapes", "average_error"), "problems")
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["evaluate.metrics.0", "evaluate.metrics.1"]


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ('[{call: "a.b:within", share: 0.1}]', ".0.better: is missing; add for example `better: higher`"),
        ('[{call: "a.b:within", better: up}]', ".0.better: must be higher, lower or a number to be near, got the text"),
        ('[{call: "a.b:within", better: true}]', ".0.better: must be higher, lower or a number to be near, got true"),
        ('[{call: "a.b:within", better: .nan}]', ".0.better: must be higher, lower or a number to be near, got nan"),
        (
            "[{call: within, better: lower}]",
            '.0.call: must be "module:name", as "houses.networks:ResidualMlp", got the',
        ),
        ('[{call: "a:f", better: lower, name: a.b}]', ".0.name: must be a letter and then letters, digits,"),
        ("[rmse]", ".0: must be a mapping, got the text 'rmse'"),
        ('{call: "a:f", better: lower}', ": must be a list, got {"),
        (
            '[{call: "a:f", better: lower}, {call: "b:f", better: higher}]',
            ": two scores are named f; give one another name, as `name: f_2`",
        ),
        ('[{call: "a:rmse", better: lower}]', ": rmse is a score of Relight's; give yours another name, as `name: own"),
    ],
)
def test_what_params_yaml_says_wrong_is_named_with_its_line(metrics: str, said: str) -> None:
    document = parse_yaml(f"evaluate:\n  seed: 0\n  metrics: {metrics}\n", "params.yaml")
    (problem,) = check_section(document, "evaluate", EvaluateParams).problems
    assert problem.startswith(f"params.yaml:3: evaluate.metrics{said}")


def test_two_calls_of_one_function_have_names_of_their_own() -> None:
    text = (
        'evaluate:\n  metrics:\n    - {call: "a:f", better: 0}\n    - {call: "a:f", x: 2, better: higher, name: f2}\n'
    )
    checked = check_section(parse_yaml(text, "params.yaml"), "evaluate", EvaluateParams).params
    assert checked is not None
    assert [(each.score_name, each.better, each.settings) for each in checked.metrics] == [
        ("f", 0, {}), ("f2", "higher", {"x": 2})
    ]  # fmt: skip


def test_the_line_of_a_metric_in_a_long_list_is_its_own() -> None:
    text = 'evaluate:\n  metrics:\n    - {call: "a:f", better: 0}\n    - call: "a:g"\n      better: 1.5.0\n'
    (problem,) = check_section(parse_yaml(text, "params.yaml"), "evaluate", EvaluateParams).problems
    assert problem.startswith("params.yaml:5: evaluate.metrics.1.better: ")


def test_the_prediction_is_float64_whatever_the_table_holds(trained: dict[str, Evaluated], project: Path) -> None:
    shapes = {"call": "own_scores.metrics:shapes", "better": "higher", "path": str(project / "facts")}
    trained["regression"].evaluate(EvaluateParams.model_validate({"metrics": [shapes]}), "float64")
    first = json.loads((project / "facts").read_text().splitlines()[0])
    n_train = pl.read_parquet(trained["regression"].folder / "table.parquet").height // 2
    assert first == [[[n_train], "float64", True]] * 3
