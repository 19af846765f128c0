"""The canvas of every picture: axes, colours, fonts for names in any script, and PNG bytes.

Drawn without pyplot: no global state, nothing to close.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text
from PIL import Image

TRAIN_COLOUR, VALIDATION_COLOUR, TEST_COLOUR, PREDICTION_COLOUR = "tab:blue", "tab:orange", "tab:green", "tab:red"
LARGE_SIZE, WIDE_SIZE = (10.0, 7.0), (8.0, 5.6)  # inches: the tutorial's size, and the same shape smaller
EAST_ASIAN_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
MAX_LABEL_LENGTH = 20
RLE_STRATEGY = 3  # zlib's Z_RLE: as small as its default for flat pictures like these, in half the time


def create_axes(size: tuple[float, float], title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """Return a figure of `size` inches and its only axes, with a title and labels."""
    figure = Figure(figsize=size)
    figure.subplots_adjust(left=0.13, right=0.97, bottom=0.1, top=0.93)  # a layout engine costs as much as drawing
    axes = figure.add_subplot(xlabel=x, ylabel=y)
    axes.set_title(title, y=1.0)  # a fixed place: searching for one costs half of the drawing
    style_axes(axes)
    return figure, axes


def style_axes(axes: Axes) -> None:
    """Draw a pale grid below the data, and no frame at the top and right."""
    axes.grid(visible=True, color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def set_fonts(labels: Iterable[str], *texts: Text) -> None:
    """Give the texts a font that has Chinese, Japanese and Korean, if a label needs one and one is installed."""
    if not all(label.isascii() for label in labels):
        installed = {font.name for font in fontManager.ttflist}
        fonts = ["DejaVu Sans", *(name for name in EAST_ASIAN_FONTS if name in installed)]
        for text in texts:
            text.set_fontfamily(fonts)


def short_label(label: str) -> str:
    """Return a name from the data as it can be drawn: cut to 20 characters, and without formulas."""
    cut = label if len(label) <= MAX_LABEL_LENGTH else label[: MAX_LABEL_LENGTH - 1] + "…"
    return cut.replace("$", r"\$")  # matplotlib reads $...$ as a formula


def png_bytes(figure: Figure, dpi: int) -> bytes:
    """Return the picture as PNG, without the name and version of what drew it: the same figure, the same bytes."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, format="png", dpi=(dpi, dpi), compress_type=RLE_STRATEGY)
    return buffer.getvalue()


def write_png(path: Path, picture: bytes) -> None:
    """Write the bytes of a picture."""
    path.write_bytes(picture)
