"""Forecasts → figures. Drawn without pyplot: no global state, nothing to close."""

import polars as pl
from matplotlib.figure import Figure

from relight.domain.canvas import PREDICTED, TEST, WIDE, canvas, set_fonts, short

MOST_STEPS = 240  # of the truth in one picture: more of them are a block of ink
MOST_SERIES = 20
COLUMNS = ("time", "ahead", "target", "prediction", "low", "high")
COLOURS = {"model": PREDICTED, "linear_autoregression": "tab:blue", "naive": "0.6", "seasonal_naive": "tab:olive"}


def forecasts(predictions: pl.DataFrame) -> Figure:
    """The last test steps, and forecasts of them that follow each other, with their 80 % intervals.

    Args:
        predictions: columns time, ahead, target, prediction, low, high, and one for the series where there are
            several, of which the first is drawn.
    """
    rows, name = _of_first_series(predictions)
    horizon = int(rows["ahead"].max())  # type: ignore[arg-type]  # of whole numbers
    n_windows = rows.height // horizon
    shown = [place for place in range(n_windows - 1, -1, -horizon) if n_windows - place <= MOST_STEPS][::-1]
    figure, axes = canvas(WIDE, f"Forecasts of the last test steps{name}", "", "")
    for place in shown:
        window = rows.slice(place * horizon, horizon)
        marker = "." if horizon == 1 else ""
        axes.plot(window["time"], window["prediction"], color=PREDICTED, linewidth=1.2, marker=marker)
        if horizon > 1:
            axes.fill_between(window["time"], window["low"], window["high"], color=PREDICTED, alpha=0.15, linewidth=0)
    drawn = pl.concat([rows.slice(place * horizon, horizon) for place in shown])
    axes.plot(drawn["time"], drawn["target"], color="0.2", linewidth=1.2, zorder=1)
    axes.tick_params(axis="x", labelrotation=20, labelsize=8)
    axes.legend(axes.lines[-2:], ["forecast", "truth"])
    set_fonts([name], axes.title)
    return figure


def _of_first_series(predictions: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    others = [
        name for name in predictions.columns if name not in ("time", "ahead", "target", "prediction", "low", "high")
    ]
    if not others:
        return predictions, ""
    first = predictions[others[0]][0]
    return predictions.filter(pl.col(others[0]) == first), f" ({short(str(first))})"


def error_by_step(steps: pl.DataFrame) -> Figure:
    """Columns name, ahead, mae: the model and its references."""
    figure, axes = canvas(WIDE, "Error by steps ahead (test windows)", "steps ahead", "mean absolute error")
    for name in steps["name"].unique(maintain_order=True):
        rows = steps.filter(pl.col("name") == name)
        width = 2.0 if name == "model" else 1.2
        axes.plot(rows["ahead"], rows["mae"], color=COLOURS[name], linewidth=width, label=name.replace("_", " "))
    axes.set_ylim(bottom=0)
    axes.legend()
    return figure


def error_by_series(series: pl.DataFrame) -> Figure:
    """Columns series, mae: the series with the largest errors."""
    rows = series.sort("mae", descending=True).head(MOST_SERIES).reverse()
    figure, axes = canvas(WIDE, "Error by series (test windows)", "mean absolute error", "")
    names = [short(name) for name in rows["series"].cast(pl.String)]
    axes.barh(names, rows["mae"], color=TEST)
    axes.grid(visible=False, axis="y")
    set_fonts(names, *axes.get_yticklabels())
    figure.subplots_adjust(left=0.24)
    return figure
