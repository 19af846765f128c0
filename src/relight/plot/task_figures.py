"""Importance, forecasts, pairs, ranking figures.

Tables of columns and their values → figures: importance, slices, residuals by feature.

Forecasts → figures. Drawn without pyplot: no global state, nothing to close.

The distances of pairs as a picture.

The scores of queries → figures.
"""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relight.plot.figures import (
    PREDICTION_COLOUR,
    TEST_COLOUR,
    TRAIN_COLOUR,
    WIDE_SIZE,
    create_axes,
    set_fonts,
    short_label,
)

MAX_BARS = 20
PANELS_PER_ROW = 3
MAX_STEPS_DRAWN = 240  # of the truth in one picture: more of them are a block of ink
MAX_SERIES_DRAWN = 20
FORECAST_COLUMNS = ("time", "ahead", "target", "prediction", "low", "high")
MODEL_COLOURS = {
    "model": PREDICTION_COLOUR,
    "linear_autoregression": "tab:blue",
    "naive": "0.6",
    "seasonal_naive": "tab:olive",
}
N_DISTANCE_BINS = 60
MAX_SIZE_GROUPS = 8  # of queries by their size, each with as many of them
MAX_QUERY_POINTS = 5_000


def plot_importance(table: pl.DataFrame) -> Figure:
    """Columns column, importance, low, high: how much the loss rises, the first 20 columns from the top."""
    shown = table.head(MAX_BARS)
    title = "Importance (test rows)" if table.height <= MAX_BARS else f"Importance (test rows): the first {MAX_BARS}"
    figure, axes = _labelled_axes(title, "rise of the loss when the column is shuffled", shown["column"].to_list())
    positions = range(shown.height)
    axes.barh(positions, shown["importance"], color=TRAIN_COLOUR, alpha=0.75, height=0.6)
    axes.hlines(positions, shown["low"], shown["high"], color="0.2", linewidth=1.5)
    return figure


def plot_slices(table: pl.DataFrame, whole: float) -> Figure:
    """Columns column, value, rows, score, estimate, low, high, of one column and score; a line at that of all rows."""
    score, column = table["score"][0], table["column"][0]
    names = [f"{short_label(value)} ({rows:,})" for value, rows in table.select("value", "rows").iter_rows()]
    figure, axes = _labelled_axes(f"{score} by {short_label(column)} (test rows)", score, names, cut=False)
    positions = range(table.height)
    axes.axvline(whole, color="0.6", linewidth=1, linestyle="--", label=f"all rows: {whole:.4g}")
    if table["low"].null_count() < table.height:
        low, high = (table[end].fill_null(table["estimate"]) for end in ("low", "high"))
        axes.hlines(positions, low, high, color=TRAIN_COLOUR, linewidth=1.5)
    axes.scatter(table["estimate"], positions, s=30, color=TRAIN_COLOUR, zorder=3)
    axes.legend(loc="best")
    set_fonts([column], axes.title)
    return figure


def plot_residuals_by_feature(table: pl.DataFrame) -> Figure:
    """Columns feature, value, residual: a small panel for each feature, with one scale of residuals."""
    panels = table.drop_nulls().partition_by("feature", maintain_order=True)
    n_columns = min(PANELS_PER_ROW, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(WIDE_SIZE[0], max(WIDE_SIZE[1] / 2, 2.8) * n_rows), layout="constrained")
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
    name = short_label(panel["feature"][0])
    axes.axhline(0, color="0.6", linewidth=1, linestyle="--")
    axes.scatter(panel["value"], panel["residual"], s=6, alpha=0.4, color=TRAIN_COLOUR, linewidths=0)
    axes.set_xlabel(name)
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    set_fonts([name], axes.xaxis.label)


def _labelled_axes(title: str, x: str, names: list[str], *, cut: bool = True) -> tuple[Figure, Axes]:
    """A line for each name, the first at the top."""
    figure, axes = create_axes((WIDE_SIZE[0], max(2.4, 1.4 + 0.3 * len(names))), title, x, "")
    figure.set_layout_engine("constrained")  # names have any length
    labels = [short_label(name) if cut else name for name in names]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    set_fonts(labels, *axes.get_yticklabels())
    return figure, axes


def plot_forecasts(predictions: pl.DataFrame) -> Figure:
    """The last test steps, and forecasts of them that follow each other, with their 80 % intervals.

    Args:
        predictions: columns time, ahead, target, prediction, low, high, and one for the series where there are
            several, of which the first is drawn.
    """
    rows, name = _first_series(predictions)
    horizon = int(rows["ahead"].max())  # type: ignore[arg-type]  # of whole numbers
    n_windows = rows.height // horizon
    shown = [
        window_index
        for window_index in range(n_windows - 1, -1, -horizon)
        if n_windows - window_index <= MAX_STEPS_DRAWN
    ][::-1]
    figure, axes = create_axes(WIDE_SIZE, f"Forecasts of the last test steps{name}", "", "")
    for window_index in shown:
        window = rows.slice(window_index * horizon, horizon)
        marker = "." if horizon == 1 else ""
        axes.plot(window["time"], window["prediction"], color=PREDICTION_COLOUR, linewidth=1.2, marker=marker)
        if horizon > 1:
            axes.fill_between(
                window["time"], window["low"], window["high"], color=PREDICTION_COLOUR, alpha=0.15, linewidth=0
            )
    drawn = pl.concat([rows.slice(window_index * horizon, horizon) for window_index in shown])
    axes.plot(drawn["time"], drawn["target"], color="0.2", linewidth=1.2, zorder=1)
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)
    axes.legend(axes.lines[-2:], ["forecast", "truth"])
    set_fonts([name], axes.title)
    return figure


def _first_series(predictions: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    others = [
        name for name in predictions.columns if name not in ("time", "ahead", "target", "prediction", "low", "high")
    ]
    if not others:
        return predictions, ""
    first = predictions[others[0]][0]
    return predictions.filter(pl.col(others[0]) == first), f" ({short_label(str(first))})"


def plot_error_by_step(steps: pl.DataFrame) -> Figure:
    """Columns name, ahead, mae: the model and its references."""
    figure, axes = create_axes(WIDE_SIZE, "Error by steps ahead (test windows)", "steps ahead", "mean absolute error")
    for name in steps["name"].unique(maintain_order=True):
        rows = steps.filter(pl.col("name") == name)
        width = 2.0 if name == "model" else 1.2
        axes.plot(rows["ahead"], rows["mae"], color=MODEL_COLOURS[name], linewidth=width, label=name.replace("_", " "))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def plot_error_by_series(series: pl.DataFrame) -> Figure:
    """Columns series, mae: the series with the largest errors."""
    rows = series.sort("mae", descending=True).head(MAX_SERIES_DRAWN).reverse()
    figure, axes = create_axes(WIDE_SIZE, "Error by series (test windows)", "mean absolute error", "")
    names = [short_label(name) for name in rows["series"].cast(pl.String)]
    axes.barh(names, rows["mae"], color=TEST_COLOUR)
    axes.grid(visible=False, axis="y")
    set_fonts(names, *axes.get_yticklabels())
    figure.subplots_adjust(left=0.24)
    return figure


def plot_distances(table: pl.DataFrame, threshold: float) -> Figure:
    """Columns distance, alike: how many pairs of either kind are how far apart; a line at the threshold."""
    figure, axes = create_axes(WIDE_SIZE, "Distances (test rows)", "distance", "pairs")
    farthest = max(float(table["distance"].to_numpy().max()), threshold)
    edges = np.linspace(0, farthest or 1.0, N_DISTANCE_BINS + 1)
    for code, colour, name in ((0, PREDICTION_COLOUR, "not alike"), (1, TRAIN_COLOUR, "alike")):
        values = table.filter(pl.col("alike") == code)["distance"].to_numpy()
        axes.hist(values, edges.tolist(), color=colour, alpha=0.6, label=f"{name} ({len(values)})")
    axes.axvline(threshold, color="0.3", linestyle="--", linewidth=1, label=f"threshold ({threshold:.3g})")
    axes.legend()
    return figure


def plot_ndcg_by_size(queries: pl.DataFrame) -> Figure:
    """Columns candidates, ndcg@10: a point for each measured query, and the mean of queries of about one size."""
    figure, axes = create_axes(WIDE_SIZE, "NDCG@10 by query size (test rows)", "candidates of the query", "NDCG@10")
    measured = queries.drop_nulls("ndcg@10").sort("candidates", maintain_order=True)
    shown = measured[np.unique(np.linspace(0, measured.height - 1, MAX_QUERY_POINTS).astype(int)).tolist()]
    axes.scatter(
        shown["candidates"], shown["ndcg@10"], s=14, alpha=0.35, color=TRAIN_COLOUR, linewidths=0, label="a query"
    )
    groups = _size_groups(measured)
    axes.plot(
        groups["candidates"], groups["ndcg@10"], color=PREDICTION_COLOUR, marker="o", label="mean of queries of a size"
    )
    axes.axhline(float(measured["ndcg@10"].mean()), color="0.5", linewidth=1, linestyle="--", label="mean of all")  # type: ignore[arg-type]
    axes.set_ylim(-0.03, 1.03)
    axes.legend(loc="lower right")
    return figure


def _size_groups(measured: pl.DataFrame) -> pl.DataFrame:
    """At most 8, of as many queries each; queries of one size are in one group."""
    ranks = (measured["candidates"].rank("min") - 1) * MAX_SIZE_GROUPS // measured.height
    columns = pl.col("candidates", "ndcg@10").mean()
    return measured.with_columns(group=ranks).group_by("group", maintain_order=True).agg(columns)
