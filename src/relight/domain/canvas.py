"""What every picture starts from: a canvas, the colours, and letters of every language.

Drawn without pyplot: no global state, nothing to close.
"""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

TRAIN, VALIDATION, TEST, PREDICTED = "tab:blue", "tab:orange", "tab:green", "tab:red"
LARGE, WIDE = (10.0, 7.0), (8.0, 5.6)  # the tutorial's size, and the same shape smaller
EAST_ASIAN = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei")


def canvas(size: tuple[float, float], title: str, x: str, y: str) -> tuple[Figure, Axes]:
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
        fonts = ["DejaVu Sans", *(name for name in EAST_ASIAN if name in installed)]
        for text in texts:
            text.set_fontfamily(fonts)


def short(label: str) -> str:
    """A name from the data as it can be drawn: cut, and without formulas."""
    cut = label if len(label) <= 20 else label[:19] + "…"
    return cut.replace("$", r"\$")  # matplotlib reads $...$ as a formula
