"""Pictures of runs side by side: their curves, and each score with its interval."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from relight.domain.canvas import canvas, set_fonts, short
from relight.domain.comparing import Compared
from relight.domain.comparison_curve import Curve

MOST_CURVES = 10  # the colours of the cycle
MOST_RUNS, MOST_SCORES, FEW = 20, 6, 12  # of pictures of scores
SIZE = (8.0, 5.0)
COLUMNS = {"train_loss": "Loss of the train rows", "validation_loss": "Loss of the validation rows",
           "validation_score": "Score of the validation rows (lower is better)"}  # fmt: skip


def curve_figures(curves: list[Curve]) -> dict[str, Figure]:
    """Each column of curves.csv that some run has, over the epochs, a line a run."""
    drawn = {}
    for column, title in COLUMNS.items():
        shown = [each for each in curves if _has(each.table, column)][:MOST_CURVES]
        if shown:
            drawn[column] = _curves(shown, column, title)
    return drawn


def _has(table: pl.DataFrame, column: str) -> bool:
    return "epoch" in table.columns and column in table.columns and table[column].null_count() < table.height


def _curves(curves: list[Curve], column: str, title: str) -> Figure:
    figure, axes = canvas(SIZE, title, "epoch", "")
    values = [(each.name, _numbers(each.table, "epoch"), _numbers(each.table, column)) for each in curves]
    for name, epochs, heights in values:
        marker = "o" if len(epochs) == 1 else None
        axes.plot(epochs, heights, label=short(name), linewidth=1.4, marker=marker)
    known = np.concatenate([heights[np.isfinite(heights)] for _, _, heights in values])
    if len(known) and known.min() > 0 and known.max() / known.min() > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    set_fonts([name for name, _, _ in values], *axes.legend().get_texts())
    return figure


def score_figures(runs: list[Compared], names: list[str]) -> dict[str, Figure]:
    """A dot a run for each of the first scores, with its interval; the dashed line is the first run.

    Of many runs the score of the task alone.
    """
    shown = names[: MOST_SCORES if len(runs) <= FEW else 1]
    return {name: _scores(runs, name) for name in shown if runs[0].scores[name].value is not None}


def _scores(runs: list[Compared], name: str) -> Figure:
    shown = [run for run in runs if run.scores[name].value is not None][:MOST_RUNS]
    figure, axes = canvas((SIZE[0], max(2.4, 1.2 + 0.32 * len(shown))), f"{name} of the test rows", "", "")
    figure.subplots_adjust(
        left=0.26, bottom=min(0.3, 0.6 / figure.get_figheight()), top=1 - 0.4 / figure.get_figheight()
    )
    values = [run.scores[name].value or 0.0 for run in shown]
    ends = [run.scores[name].interval or (value, value) for run, value in zip(shown, values, strict=True)]
    colours = ["0.35", *["tab:blue"] * (len(shown) - 1)]
    lows, highs = zip(*ends, strict=True)
    axes.hlines(range(len(shown)), lows, highs, colors=colours, linewidth=2, alpha=0.45)
    axes.scatter(values, range(len(shown)), c=colours, s=25, zorder=3)
    axes.axvline(values[0], color="0.6", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(shown)), [short(run.name) for run in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    set_fonts([run.name for run in shown], *axes.get_yticklabels())
    return figure


def _numbers(table: pl.DataFrame, column: str) -> np.ndarray:
    return table[column].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
