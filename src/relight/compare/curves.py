"""The curves of several trainings in one picture, with the name and the direction of what each of them watched."""

from typing import NamedTuple

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relight.model.monitor import USUAL_SCORE, Better, Monitor
from relight.plot.canvas import create_axes, set_fonts, short_label
from relight.runtime.nested import DECIMAL_NUMBER
from relight.train.monitors.choice import KEY as MONITOR_KEY
from relight.train.monitors.choice import LOSSES_WITHOUT_SCORE, LOWER_IS_BETTER

MAX_CURVES = 10  # colours of the cycle
FIGURE_SIZE = (8.0, 5.0)
LOSS_TITLES = {"train_loss": "Loss of the train rows", "validation_loss": "Loss of the validation rows"}
SCORE_COLUMN = "validation_score"


class RunCurves(NamedTuple):
    """The curves of a run.

    Attributes:
        table: curves.csv, its values as texts.
        monitor: what its validation score is.
    """

    name: str
    table: pl.DataFrame
    monitor: Monitor = USUAL_SCORE


def monitor_of(params: dict[str, str]) -> Monitor:
    """Return what a run watched, by all its params as texts; those of another version of Relight may lack some."""
    call, better = params.get(f"{MONITOR_KEY}.call"), params.get(f"{MONITOR_KEY}.better", "lower")
    if call is not None:
        name = params.get(f"{MONITOR_KEY}.name", call.rpartition(":")[2])
        return Monitor(name=name, better=_better(better))
    name, loss = params.get(MONITOR_KEY, "score"), params.get("train.loss")
    if name == "score":
        has_none = loss in LOSSES_WITHOUT_SCORE or "train.loss.call" in params
        return Monitor(name="loss", better="lower") if has_none else USUAL_SCORE
    return Monitor(name=name, better="lower" if name in ("loss", *LOWER_IS_BETTER) else "higher")


def _better(text: str) -> Better:
    if text in ("higher", "lower"):
        return "higher" if text == "higher" else "lower"
    return float(text) if DECIMAL_NUMBER.fullmatch(text) or text.lstrip("-").isdecimal() else "lower"


def score_title(curves: list[RunCurves]) -> str:
    """Return the title of the scores of several runs; if they are different ones, the legend has their names."""
    monitors = {each.monitor.title for each in curves}
    if len(monitors) > 1:
        return "Scores of the validation rows, not the same ones"
    name, direction = curves[0].monitor.name, curves[0].monitor.title.removeprefix(curves[0].monitor.name)
    return f"{name[:1].upper()}{name[1:]} of the validation rows{direction}"


def curve_figures(curves: list[RunCurves]) -> dict[str, Figure]:
    """Draw each column of curves.csv that some run has over the epochs, one line per run."""
    drawn = {}
    for column in (*LOSS_TITLES, SCORE_COLUMN):
        shown = [each for each in curves if _has_values(each.table, column)][:MAX_CURVES]
        if shown:
            drawn[column] = _plot_curves(shown, column)
    return drawn


def _has_values(table: pl.DataFrame, column: str) -> bool:
    return "epoch" in table.columns and column in table.columns and table[column].null_count() < table.height


def _plot_curves(curves: list[RunCurves], column: str) -> Figure:
    figure, axes = create_axes(FIGURE_SIZE, LOSS_TITLES.get(column) or score_title(curves), "epoch", "")
    differ = column == SCORE_COLUMN and len({each.monitor.title for each in curves}) > 1
    values = [_numbers(each.table, column) for each in curves]
    for each, heights in zip(curves, values, strict=True):
        label = f"{short_label(each.name)}: {each.monitor.title}" if differ else short_label(each.name)
        marker = "o" if len(heights) == 1 else None
        axes.plot(_numbers(each.table, "epoch"), heights, label=label, linewidth=1.4, marker=marker)
    finite = np.concatenate([heights[np.isfinite(heights)] for heights in values])
    if len(finite) and finite.min() > 0 and finite.max() / finite.min() > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    set_fonts([each.name for each in curves], *axes.legend().get_texts())
    return figure


def _numbers(table: pl.DataFrame, column: str) -> np.ndarray:
    return table[column].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
