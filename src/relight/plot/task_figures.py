"""Figures of the test rows of series, pairs and rankings.

Each function takes a table that evaluate wrote, and returns a figure.
"""

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relight.plot.canvas import (
    PREDICTION_COLOUR,
    TEST_COLOUR,
    TRAIN_COLOUR,
    WIDE_SIZE,
    create_axes,
    set_fonts,
    short_label,
)

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
MAX_SIZE_GROUPS = 8  # groups of queries by their size
MAX_QUERY_POINTS = 5_000


def plot_forecasts(predictions: pl.DataFrame) -> Figure:
    """Draw the last test steps, and consecutive forecasts of them with their 80 % intervals.

    Args:
        predictions: columns time, ahead, target, prediction, low, high, and one that names the series if there are
            several; the first series is drawn.
    """
    rows, name = _first_series(predictions)
    horizon = int(rows["ahead"].max())  # type: ignore[arg-type]  # of whole numbers
    windows = _last_windows(rows, horizon)
    figure, axes = create_axes(WIDE_SIZE, f"Forecasts of the last test steps{name}", "", "")
    for window in windows:
        _draw_forecast(axes, window)
    drawn = pl.concat(windows)
    axes.plot(drawn["time"], drawn["target"], color="0.2", linewidth=1.2, zorder=1)
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)
    axes.legend(axes.lines[-2:], ["forecast", "truth"])
    set_fonts([name], axes.title)
    return figure


def _first_series(predictions: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Return the rows of the first series, and its name for the title; all rows and "" if there is only one."""
    others = [name for name in predictions.columns if name not in FORECAST_COLUMNS]
    if not others:
        return predictions, ""
    first = predictions[others[0]][0]
    return predictions.filter(pl.col(others[0]) == first), f" ({short_label(str(first))})"


def _last_windows(rows: pl.DataFrame, horizon: int) -> list[pl.DataFrame]:
    """Return every horizon-th window, counted back from the last, so that they do not overlap, in order of time."""
    n_windows = rows.height // horizon
    back = range(n_windows - 1, -1, -horizon)
    return [rows.slice(index * horizon, horizon) for index in back if n_windows - index <= MAX_STEPS_DRAWN][::-1]


def _draw_forecast(axes: Axes, window: pl.DataFrame) -> None:
    colour, is_one_step = PREDICTION_COLOUR, window.height == 1
    axes.plot(window["time"], window["prediction"], color=colour, linewidth=1.2, marker="." if is_one_step else "")
    if not is_one_step:
        axes.fill_between(window["time"], window["low"], window["high"], color=colour, alpha=0.15, linewidth=0)


def plot_error_by_step(steps: pl.DataFrame) -> Figure:
    """Draw columns name, ahead, mae: the model and its references."""
    figure, axes = create_axes(WIDE_SIZE, "Error by steps ahead (test windows)", "steps ahead", "mean absolute error")
    for name in steps["name"].unique(maintain_order=True):
        rows = steps.filter(pl.col("name") == name)
        width = 2.0 if name == "model" else 1.2
        axes.plot(rows["ahead"], rows["mae"], color=MODEL_COLOURS[name], linewidth=width, label=name.replace("_", " "))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def plot_error_by_series(series: pl.DataFrame) -> Figure:
    """Draw columns series, mae, mase: the 20 series with the largest errors, each by its own seasonal error if it has one,
    because a large series has large errors, however good its forecast is."""
    score, label = ("mase", "MASE") if "mase" in series.columns else ("mae", "mean absolute error")
    rows = series.drop_nulls(score).sort(score, descending=True).head(MAX_SERIES_DRAWN).reverse()
    figure, axes = create_axes(WIDE_SIZE, "Error by series (test windows)", label, "")
    names = [short_label(name) for name in rows["series"].cast(pl.String)]
    axes.barh(names, rows[score], color=TEST_COLOUR)
    axes.grid(visible=False, axis="y")
    set_fonts(names, *axes.get_yticklabels())
    figure.subplots_adjust(left=0.24)
    return figure


def plot_distances(table: pl.DataFrame, threshold: float) -> Figure:
    """Draw columns distance, alike: a histogram of the pairs of either class; a line marks the threshold."""
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
    """Draw columns candidates, ndcg@10: a point for each measured query, and the mean of queries of similar size."""
    figure, axes = create_axes(WIDE_SIZE, "NDCG@10 by query size (test rows)", "candidates of the query", "NDCG@10")
    measured = queries.drop_nulls("ndcg@10").sort("candidates", maintain_order=True)
    shown = measured[np.unique(np.linspace(0, measured.height - 1, MAX_QUERY_POINTS).astype(int)).tolist()]
    x, y = shown["candidates"], shown["ndcg@10"]
    axes.scatter(x, y, s=14, alpha=0.35, color=TRAIN_COLOUR, linewidths=0, label="a query")
    groups, label = _size_groups(measured), "mean of queries of a size"
    axes.plot(groups["candidates"], groups["ndcg@10"], color=PREDICTION_COLOUR, marker="o", label=label)
    mean = float(measured["ndcg@10"].mean())  # type: ignore[arg-type]
    axes.axhline(mean, color="0.5", linewidth=1, linestyle="--", label="mean of all")
    axes.set_ylim(-0.03, 1.03)
    axes.legend(loc="lower right")
    return figure


def _size_groups(measured: pl.DataFrame) -> pl.DataFrame:
    """Return the means of at most 8 groups of about equally many queries; queries of one size share a group."""
    ranks = (measured["candidates"].rank("min") - 1) * MAX_SIZE_GROUPS // measured.height
    columns = pl.col("candidates", "ndcg@10").mean()
    return measured.with_columns(group=ranks).group_by("group", maintain_order=True).agg(columns)
