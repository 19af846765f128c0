"""Tables of columns and their values → figures: importance, slices, residuals by feature."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relight.domain.canvas import TRAIN, WIDE, canvas, set_fonts, short

MOST_BARS = 20
PANELS_IN_A_ROW = 3


def importance(table: pl.DataFrame) -> Figure:
    """Columns column, importance, low, high: how much the loss rises, the first 20 columns from the top."""
    shown = table.head(MOST_BARS)
    title = "Importance (test rows)" if table.height <= MOST_BARS else f"Importance (test rows): the first {MOST_BARS}"
    figure, axes = _lines(title, "rise of the loss when the column is shuffled", shown["column"].to_list())
    places = range(shown.height)
    axes.barh(places, shown["importance"], color=TRAIN, alpha=0.75, height=0.6)
    axes.hlines(places, shown["low"], shown["high"], color="0.2", linewidth=1.5)
    return figure


def slices(table: pl.DataFrame, whole: float) -> Figure:
    """Columns column, value, rows, score, estimate, low, high, of one column and score; a line at that of all rows."""
    score, column = table["score"][0], table["column"][0]
    names = [f"{short(value)} ({rows:,})" for value, rows in table.select("value", "rows").iter_rows()]
    figure, axes = _lines(f"{score} by {short(column)} (test rows)", score, names, cut=False)
    places = range(table.height)
    axes.axvline(whole, color="0.6", linewidth=1, linestyle="--", label=f"all rows: {whole:.4g}")
    if table["low"].null_count() < table.height:
        low, high = (table[end].fill_null(table["estimate"]) for end in ("low", "high"))
        axes.hlines(places, low, high, color=TRAIN, linewidth=1.5)
    axes.scatter(table["estimate"], places, s=30, color=TRAIN, zorder=3)
    axes.legend(loc="best")
    set_fonts([column], axes.title)
    return figure


def residuals_by_feature(table: pl.DataFrame) -> Figure:
    """Columns feature, value, residual: a small panel for each feature, with one scale of residuals."""
    panels = table.drop_nulls().partition_by("feature", maintain_order=True)
    n_columns = min(PANELS_IN_A_ROW, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(WIDE[0], max(WIDE[1] / 2, 2.8) * n_rows), layout="constrained")
    figure.suptitle("Residuals by feature (test rows)")
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _panel(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("predicted - true")
    return figure


def _panel(axes: Axes, panel: pl.DataFrame) -> None:
    name = short(panel["feature"][0])
    axes.axhline(0, color="0.6", linewidth=1, linestyle="--")
    axes.scatter(panel["value"], panel["residual"], s=6, alpha=0.4, color=TRAIN, linewidths=0)
    axes.set_xlabel(name)
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    set_fonts([name], axes.xaxis.label)


def _lines(title: str, x: str, names: list[str], *, cut: bool = True) -> tuple[Figure, Axes]:
    """A line for each name, the first at the top."""
    figure, axes = canvas((WIDE[0], max(2.4, 1.4 + 0.3 * len(names))), title, x, "")
    figure.set_layout_engine("constrained")  # names have any length
    labels = [short(name) if cut else name for name in names]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    set_fonts(labels, *axes.get_yticklabels())
    return figure, axes
