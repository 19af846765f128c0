"""Figures of a training and of the test rows of a table: loss curves, numbers, classes, columns.

Each function takes a table that train or evaluate wrote, and returns a figure.
"""

import re

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relight.plot.canvas import (
    LARGE_SIZE,
    TEST_COLOUR,
    TRAIN_COLOUR,
    VALIDATION_COLOUR,
    WIDE_SIZE,
    create_axes,
    set_fonts,
    short_label,
    style_axes,
)
from relight.plot.score_tables import direction_text

UNCALIBRATED_COLOUR = "tab:orange"
TUTORIAL_COLOURS = {"train": "b", "validation": TEST_COLOUR, "test": "g"}
MAX_EPOCHS_UNSMOOTHED = 200  # of more epochs a jumping loss is a block of ink
MAX_CONFUSION_LABELS = 30  # labels of more classes cannot be read
MAX_BARS = 20
PANELS_PER_ROW = 3
OFFSET = re.compile(r"( - -?[0-9.]+)$")  # behind the name of a large number: it must be whole to say anything


def plot_line(points: pl.DataFrame, when: str) -> Figure:
    """Draw the tutorial's picture: train points blue, test points green, predictions of the test points red.

    Args:
        points: columns part, x, y, before, after.
        when: before | after, the column of the predictions.
    """
    figure, axes = create_axes(LARGE_SIZE, f"Predictions {when} training", "x", "y")
    for part in points["part"].unique(maintain_order=True):
        rows = points.filter(pl.col("part") == part)
        axes.scatter(rows["x"], rows["y"], c=TUTORIAL_COLOURS[part], s=4, label=f"{part.capitalize()} data")
    test = points.filter(pl.col("part") == "test")
    axes.scatter(test["x"], test[when], c="r", s=4, label="Predictions")
    axes.legend(prop={"size": 14})
    return figure


def plot_loss_curves(curves: pl.DataFrame, validation_name: str, best_epoch: int) -> Figure:
    """Draw columns epoch, train_loss, validation_loss; a line marks the epoch whose weights were kept."""
    figure, axes = create_axes(WIDE_SIZE, "Loss", "epoch", "loss")
    _draw_curve(axes, curves["epoch"], curves["validation_loss"], VALIDATION_COLOUR, validation_name)
    _draw_curve(axes, curves["epoch"], curves["train_loss"], TRAIN_COLOUR, "train")
    _mark_best_epoch(axes, curves, best_epoch)
    losses = [*curves["train_loss"].to_list(), *curves["validation_loss"].to_list()]
    if min(losses) > 0 and max(losses) / min(losses) > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def plot_score_curve(
    curves: pl.DataFrame, validation_name: str, best_epoch: int, name: str = "score", better: str | float = "lower"
) -> Figure:
    """Draw columns epoch, validation_score: the score that early stopping follows.

    Args:
        name: of the score.
        better: higher, lower, or the best number.
    """
    title = f"{name[:1].upper()}{name[1:]} of the {validation_name} rows"
    figure, axes = create_axes(WIDE_SIZE, title, "epoch", f"{name} ({direction_text(better)})")
    _draw_curve(axes, curves["epoch"], curves["validation_score"], VALIDATION_COLOUR, validation_name)
    _mark_best_epoch(axes, curves, best_epoch)
    axes.legend()
    return figure


def _draw_curve(axes: Axes, epochs: pl.Series, losses: pl.Series, colour: str, name: str) -> None:
    """Draw the losses; of more than 200 epochs a pale line, and over it the mean of each hundredth of them."""
    if len(epochs) <= MAX_EPOCHS_UNSMOOTHED:
        axes.plot(epochs, losses, color=colour, label=name)
        return
    axes.plot(epochs, losses, color=colour, linewidth=0.5, alpha=0.25)
    step = len(epochs) // 100
    windows = pl.DataFrame({"epoch": epochs, "loss": losses}).group_by_dynamic("epoch", every=f"{step}i")
    means = windows.agg(pl.mean("loss"))
    axes.plot(means["epoch"] + step / 2, means["loss"], color=colour, label=f"{name}, mean of {step} epochs")


def _mark_best_epoch(axes: Axes, curves: pl.DataFrame, best_epoch: int) -> None:
    if best_epoch < curves["epoch"].to_list()[-1]:
        axes.axvline(best_epoch, color="0.4", linestyle="--", linewidth=1, label=f"best epoch ({best_epoch})")


def plot_predicted_against_true(predictions: pl.DataFrame) -> Figure:
    """Draw columns target, prediction; right predictions lie on the diagonal."""
    figure, axes = create_axes(WIDE_SIZE, "Predicted against true (test rows)", "true", "predicted")
    target, predicted = predictions["target"].to_numpy(), predictions["prediction"].to_numpy()
    low, high = min(target.min(), predicted.min()), max(target.max(), predicted.max())
    axes.plot([low, high], [low, high], color="0.6", linewidth=1, linestyle="--")
    axes.scatter(target, predicted, s=14, alpha=0.6, color=TRAIN_COLOUR, linewidths=0)
    axes.set_aspect("equal", adjustable="box")
    return figure


def plot_residuals(table: pl.DataFrame) -> Figure:
    """Draw columns prediction, residual: the error of each prediction over its value."""
    figure, axes = create_axes(WIDE_SIZE, "Residuals (test rows)", "predicted", "predicted - true")
    axes.axhline(0, color="0.6", linewidth=1, linestyle="--")
    axes.scatter(table["prediction"], table["residual"], s=14, alpha=0.6, color=TRAIN_COLOUR, linewidths=0)
    return figure


def plot_confusion_matrix(predictions: pl.DataFrame, classes: list[str]) -> Figure:
    """Draw how many test rows of each true class were predicted to be of each class.

    Args:
        predictions: columns target, prediction, texts.
        classes: all of them, in order.
    """
    size = LARGE_SIZE if len(classes) > 8 else WIDE_SIZE
    figure, axes = create_axes(size, "Confusion matrix (test rows)", "predicted", "true")
    class_index = {label: k for k, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for true, predicted in predictions.select("target", "prediction").iter_rows():
        counts[class_index[true], class_index[predicted]] += 1
    figure.set_layout_engine("constrained")  # class names have any length
    axes.imshow(counts, cmap="Blues")
    axes.grid(visible=False)
    if len(classes) <= MAX_CONFUSION_LABELS:
        _label_cells(axes, counts, [short_label(label) for label in classes])
    return figure


def _label_cells(axes: Axes, counts: np.ndarray, labels: list[str]) -> None:
    positions = range(len(labels))
    turn = 45 if max(len(label) for label in labels) > 3 else 0
    axes.set_xticks(positions, labels, rotation=turn, ha="right" if turn else "center")
    axes.set_yticks(positions, labels)
    set_fonts(labels, *axes.get_xticklabels(), *axes.get_yticklabels())
    for true in positions:
        for predicted in positions:
            colour = "white" if counts[true, predicted] > counts.max() / 2 else "black"
            axes.text(predicted, true, str(counts[true, predicted]), ha="center", va="center", color=colour)


def plot_roc_curve(curve: pl.DataFrame, auc: float | None, *, averaged: bool) -> Figure:
    """Draw columns fpr, tpr; the diagonal is chance."""
    title = "ROC curve, mean over the classes" if averaged else "ROC curve"
    figure, axes = create_axes(WIDE_SIZE, f"{title} (test rows)", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    axes.plot(curve["fpr"], curve["tpr"], color=TRAIN_COLOUR, label=f"AUC {auc:.4f}" if auc is not None else None)
    axes.set_aspect("equal")
    if auc is not None:
        axes.legend(loc="lower right")
    return figure


def plot_reliability(bins: pl.DataFrame) -> Figure:
    """Draw columns confidence, observed, rows, when; a well calibrated model stays on the diagonal.

    If a temperature was fitted there are two curves: before and after.
    """
    figure, axes = create_axes(WIDE_SIZE, "Calibration (test rows)", "predicted probability", "observed share")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    curves = bins.partition_by("when", maintain_order=True)
    for curve, colour in zip(curves, [UNCALIBRATED_COLOUR, TRAIN_COLOUR][-len(curves) :], strict=False):
        share = curve["rows"].to_numpy() / max(1, curve["rows"].sum())
        name = "" if len(curves) == 1 else f"{curve['when'][0]} calibration, "
        axes.plot(curve["confidence"], curve["observed"], color=colour, linewidth=1)
        sizes = 20 + 300 * share
        axes.scatter(curve["confidence"], curve["observed"], s=sizes, color=colour, label=f"{name}area: share of rows")
    axes.set_aspect("equal")
    if curves:
        axes.legend(loc="upper left")
    return figure


def plot_importance(table: pl.DataFrame) -> Figure:
    """Draw columns column, importance, low, high: how much the loss rises, the first 20 columns from the top."""
    shown = table.head(MAX_BARS)
    title = "Importance (test rows)" if table.height <= MAX_BARS else f"Importance (test rows): the first {MAX_BARS}"
    figure, axes = _labelled_axes(title, "rise of the loss when the column is shuffled", shown["column"].to_list())
    positions = range(shown.height)
    axes.barh(positions, shown["importance"], color=TRAIN_COLOUR, alpha=0.75, height=0.6)
    axes.hlines(positions, shown["low"], shown["high"], color="0.2", linewidth=1.5)
    return figure


def plot_slices(table: pl.DataFrame, whole: float) -> Figure:
    """Draw the score of the rows with each value of a column, with its interval.

    Args:
        table: columns column, value, rows, score, estimate, low, high, of one column and score.
        whole: the score of all rows, drawn as a line.
    """
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


def _labelled_axes(title: str, x: str, names: list[str], *, cut: bool = True) -> tuple[Figure, Axes]:
    """Return axes with a line for each name, the first at the top."""
    figure, axes = create_axes((WIDE_SIZE[0], max(2.4, 1.4 + 0.3 * len(names))), title, x, "")
    figure.set_layout_engine("constrained")  # names have any length
    labels = [short_label(name) if cut else name for name in names]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    set_fonts(labels, *axes.get_yticklabels())
    return figure, axes


def plot_residuals_by_feature(table: pl.DataFrame) -> Figure:
    """Draw columns feature, value, residual: a small panel for each feature, all on one scale of residuals."""
    panels = table.drop_nulls().partition_by("feature", maintain_order=True)
    n_columns = min(PANELS_PER_ROW, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(WIDE_SIZE[0], max(WIDE_SIZE[1] / 2, 2.8) * n_rows), layout="constrained")
    figure.suptitle("Residuals by feature (test rows)")
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel("predicted - true")
    return figure


def _draw_panel(axes: Axes, panel: pl.DataFrame) -> None:
    name = "".join(short_label(part) for part in OFFSET.split(panel["feature"][0]))
    axes.axhline(0, color="0.6", linewidth=1, linestyle="--")
    axes.scatter(panel["value"], panel["residual"], s=6, alpha=0.4, color=TRAIN_COLOUR, linewidths=0)
    axes.set_xlabel(name)
    style_axes(axes)
    axes.locator_params(axis="x", nbins=5)
    set_fonts([name], axes.xaxis.label)
