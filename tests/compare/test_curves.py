"""The curves of several runs: the title says which score it is, and which way it is better."""

import polars as pl
import pytest

from relight.compare.curves import RunCurves, curve_figures, monitor_of
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.train.monitors.choice import KEY

TABLE = pl.DataFrame({"epoch": ["0", "1"], "validation_loss": ["2", "1"], "validation_score": ["0.5", "0.75"]})
ACCURACY, COVERAGE = Monitor(name="accuracy", better="higher"), Monitor(name="coverage", better=0.9)


@pytest.mark.parametrize(
    ("params", "monitor"),
    [
        ({}, USUAL_SCORE),
        ({"train.loss": "mse", "train.early_stopping": "null"}, USUAL_SCORE),
        ({"train.early_stopping.monitor": "accuracy"}, ACCURACY),
        ({"train.early_stopping.monitor": "rmse"}, Monitor(name="rmse", better="lower")),
        ({"train.loss": "quantile"}, Monitor(name="loss", better="lower")),
        ({"train.loss.call": "a:b"}, Monitor(name="loss", better="lower")),
        ({"train.loss.call": "a:b", "train.early_stopping.monitor": "accuracy"}, ACCURACY),
        ({f"{KEY}.call": "a.b:coverage", f"{KEY}.better": "0.9"}, COVERAGE),
        ({f"{KEY}.call": "a:b", f"{KEY}.name": "coverage", f"{KEY}.better": "0.9"}, COVERAGE),
        ({f"{KEY}.call": "a:accuracy", f"{KEY}.better": "higher"}, ACCURACY),
    ],
)  # fmt: skip
def test_what_a_run_watched_is_in_its_params(params: dict[str, str], monitor: Monitor) -> None:
    assert monitor_of(params) == monitor


def drawn(*monitors: Monitor) -> tuple[str, list[str]]:
    runs = [RunCurves(f"run {number}", TABLE, monitor) for number, monitor in enumerate(monitors)]
    (axes,) = curve_figures(runs)["validation_score"].axes
    legend = axes.get_legend()
    assert legend is not None
    return axes.get_title(), [text.get_text() for text in legend.get_texts()]


def test_the_title_names_score_and_direction() -> None:
    assert drawn(USUAL_SCORE, USUAL_SCORE)[0] == "Score of the validation rows (lower is better)"
    assert drawn(ACCURACY)[0] == "Accuracy of the validation rows (higher is better)"
    assert drawn(COVERAGE)[0] == "Coverage of the validation rows (best at 0.9)"


def test_scores_that_are_not_the_same_are_named_one_by_one() -> None:
    title, names = drawn(USUAL_SCORE, ACCURACY)
    assert title == "Scores of the validation rows, not the same ones"
    assert names == ["run 0: score (lower is better)", "run 1: accuracy (higher is better)"]
