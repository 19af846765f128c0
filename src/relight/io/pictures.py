"""Figures as PNG: the same figure, the same bytes."""

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

EAST_ASIAN = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei")


def png_bytes(figure: Figure, dpi: int) -> bytes:
    """The picture without the version of what drew it."""
    _use_fonts_for_all_letters(figure)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _use_fonts_for_all_letters(figure: Figure) -> None:
    """Names in Chinese, Japanese or Korean need a font that has them, where one is installed."""
    beyond_latin = [text for text in figure.findobj(Text) if isinstance(text, Text) and not text.get_text().isascii()]
    if beyond_latin:
        installed = {font.name for font in fontManager.ttflist}
        for text in beyond_latin:
            text.set_fontfamily(["DejaVu Sans", *(name for name in EAST_ASIAN if name in installed)])


def write_png(path: Path, picture: bytes) -> None:
    path.write_bytes(picture)
