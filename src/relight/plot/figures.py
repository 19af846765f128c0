"""Canvas, PNG, common figures.

What every picture starts from: a canvas, the colours, and letters of every language.

Drawn without pyplot: no global state, nothing to close.

Tables → figures. Drawn without pyplot: no global state, nothing to close.

Figures as PNG: the same figure, the same bytes.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from PIL import Image

TRAIN_COLOUR, VALIDATION_COLOUR, TEST_COLOUR, PREDICTION_COLOUR = "tab:blue", "tab:orange", "tab:green", "tab:red"
LARGE_SIZE, WIDE_SIZE = (10.0, 7.0), (8.0, 5.6)  # the tutorial's size, and the same shape smaller
EAST_ASIAN_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
UNCALIBRATED_COLOUR = "tab:orange"
TUTORIAL_COLOURS = {"train": "b", "validation": TEST_COLOUR, "test": "g"}
MAX_EPOCHS_UNSMOOTHED = 200  # more of them are a block of ink where the loss jumps to and fro
MAX_CONFUSION_LABELS = 30  # of a confusion matrix: more cannot be read
RLE_STRATEGY = 3  # zlib's Z_RLE: as small as its default for flat pictures like these, in half the time


def create_axes(size: tuple[float, float], title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    figure.subplots_adjust(left=0.13, right=0.97, bottom=0.1, top=0.93)  # a layout engine costs as much as drawing
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    axes.set_title(title, y=1.0)  # a place of its own: to search for one costs half of the drawing
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def set_fonts(labels: Iterable[str], *texts: Text) -> None:
    """Names in Chinese, Japanese or Korean need a font that has them, where one is installed."""
    if not all(label.isascii() for label in labels):
        installed = {font.name for font in fontManager.ttflist}
        fonts = ["DejaVu Sans", *(name for name in EAST_ASIAN_FONTS if name in installed)]
        for text in texts:
            text.set_fontfamily(fonts)


def short_label(label: str) -> str:
    """A name from the data as it can be drawn: cut, and without formulas."""
    cut = label if len(label) <= 20 else label[:19] + "…"
    return cut.replace("$", r"\$")  # matplotlib reads $...$ as a formula


def plot_line(points: pl.DataFrame, when: str) -> Figure:
    """The tutorial's picture: train points blue, test points green, predictions of the test red.

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
    """Columns epoch, train_loss, validation_loss; a line at the epoch whose weights were kept."""
    figure, axes = create_axes(WIDE_SIZE, "Loss", "epoch", "loss")
    _draw_curve(axes, curves["epoch"], curves["validation_loss"], VALIDATION_COLOUR, validation_name)
    _draw_curve(axes, curves["epoch"], curves["train_loss"], TRAIN_COLOUR, "train")
    if best_epoch < curves["epoch"].to_list()[-1]:
        axes.axvline(best_epoch, color="0.4", linestyle="--", linewidth=1, label=f"best epoch ({best_epoch})")
    largest, smallest = _loss_range(curves)
    if smallest > 0 and largest / smallest > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def plot_score_curve(curves: pl.DataFrame, validation_name: str, best_epoch: int) -> Figure:
    """Columns epoch, validation_score: what early stopping looked at."""
    figure, axes = create_axes(WIDE_SIZE, f"Score of the {validation_name} rows", "epoch", "score (lower is better)")
    _draw_curve(axes, curves["epoch"], curves["validation_score"], VALIDATION_COLOUR, validation_name)
    if best_epoch < curves["epoch"].to_list()[-1]:
        axes.axvline(best_epoch, color="0.4", linestyle="--", linewidth=1, label=f"best epoch ({best_epoch})")
    axes.legend()
    return figure


def plot_predicted_against_true(predictions: pl.DataFrame) -> Figure:
    """Columns target, prediction; the diagonal is where a prediction is right."""
    figure, axes = create_axes(WIDE_SIZE, "Predicted against true (test rows)", "true", "predicted")
    target, predicted = predictions["target"].to_numpy(), predictions["prediction"].to_numpy()
    low, high = min(target.min(), predicted.min()), max(target.max(), predicted.max())
    axes.plot([low, high], [low, high], color="0.6", linewidth=1, linestyle="--")
    axes.scatter(target, predicted, s=14, alpha=0.6, color=TRAIN_COLOUR, linewidths=0)
    axes.set_aspect("equal", adjustable="box")
    return figure


def plot_residuals(table: pl.DataFrame) -> Figure:
    """Columns prediction, residual: how far the predictions are off, over what was predicted."""
    figure, axes = create_axes(WIDE_SIZE, "Residuals (test rows)", "predicted", "predicted - true")
    axes.axhline(0, color="0.6", linewidth=1, linestyle="--")
    axes.scatter(table["prediction"], table["residual"], s=14, alpha=0.6, color=TRAIN_COLOUR, linewidths=0)
    return figure


def plot_confusion_matrix(predictions: pl.DataFrame, classes: list[str]) -> Figure:
    """How many test rows of each true class were given each class."""
    figure, axes = create_axes(
        LARGE_SIZE if len(classes) > 8 else WIDE_SIZE, "Confusion matrix (test rows)", "predicted", "true"
    )
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


def plot_roc_curve(curve: pl.DataFrame, auc: float | None, *, averaged: bool) -> Figure:
    """Columns fpr, tpr; the diagonal is chance."""
    title = "ROC curve, mean over the classes" if averaged else "ROC curve"
    figure, axes = create_axes(WIDE_SIZE, f"{title} (test rows)", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
    axes.plot(curve["fpr"], curve["tpr"], color=TRAIN_COLOUR, label=f"AUC {auc:.4f}" if auc is not None else None)
    axes.set_aspect("equal")
    if auc is not None:
        axes.legend(loc="lower right")
    return figure


def plot_reliability(bins: pl.DataFrame) -> Figure:
    """Columns confidence, observed, rows, when; a well calibrated model stays on the diagonal.

    Where a temperature was fitted there are two curves: before and after.
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


def _draw_curve(axes: Axes, epochs: pl.Series, losses: pl.Series, colour: str, name: str) -> None:
    """The losses; of very many epochs a pale line, and over it the mean of each hundredth of them."""
    if len(epochs) <= MAX_EPOCHS_UNSMOOTHED:
        axes.plot(epochs, losses, color=colour, label=name)
        return
    axes.plot(epochs, losses, color=colour, linewidth=0.5, alpha=0.25)
    step = len(epochs) // 100
    means = (
        pl.DataFrame({"epoch": epochs, "loss": losses}).group_by_dynamic("epoch", every=f"{step}i").agg(pl.mean("loss"))
    )
    axes.plot(means["epoch"] + step / 2, means["loss"], color=colour, label=f"{name}, mean of {step} epochs")


def _loss_range(curves: pl.DataFrame) -> tuple[float, float]:
    losses = [*curves["train_loss"].to_list(), *curves["validation_loss"].to_list()]
    return max(losses), min(losses)


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


def png_bytes(figure: Figure, dpi: int) -> bytes:
    """The picture, without the name and version of what drew it."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, format="png", dpi=(dpi, dpi), compress_type=RLE_STRATEGY)
    return buffer.getvalue()


def write_png(path: Path, picture: bytes) -> None:
    path.write_bytes(picture)
