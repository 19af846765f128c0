"""Figures as PNG: the same figure, the same bytes."""

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

COLOURS = 256  # of a palette: half the time and half the bytes of full colour, and no difference to see


def png_bytes(figure: Figure, dpi: int) -> bytes:
    """The picture, without the name and version of what drew it."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    drawn = Image.fromarray(pixels).convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    drawn.save(buffer, format="png", dpi=(dpi, dpi))
    return buffer.getvalue()


def write_png(path: Path, picture: bytes) -> None:
    path.write_bytes(picture)
