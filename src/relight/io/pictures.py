"""Figures as PNG: the same figure, the same bytes."""

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def png_bytes(figure: Figure, dpi: int) -> bytes:
    """The picture without the version of what drew it."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def write_png(path: Path, picture: bytes) -> None:
    path.write_bytes(picture)
