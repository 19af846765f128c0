import io
import struct
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from relight.plot.canvas import png_bytes, write_png


def figure() -> Figure:
    drawn = Figure(figsize=(2.0, 1.0))
    drawn.add_subplot(title="a title").plot([0, 1], [1, 0], label="a line")
    return drawn


def chunks(png: bytes) -> list[bytes]:
    """The names of a PNG's chunks: length, name, content and checksum, after the signature of 8 bytes."""
    names, offset = [], 8
    while offset < len(png):
        length, name = struct.unpack(">I4s", png[offset : offset + 8])
        names.append(name)
        offset += 12 + length
    return names


def test_the_same_figure_is_the_same_bytes() -> None:
    assert png_bytes(figure(), dpi=60) == png_bytes(figure(), dpi=60)


@pytest.mark.parametrize("dpi", [60, 150])
def test_the_size_is_inches_times_dpi(dpi: int) -> None:
    png = png_bytes(figure(), dpi=dpi)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (2 * dpi, dpi)


def test_no_version_stands_in_the_picture() -> None:
    assert set(chunks(png_bytes(figure(), dpi=60))) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_a_picture_is_written_as_it_is(tmp_path: Path) -> None:
    picture = png_bytes(figure(), dpi=60)
    write_png(tmp_path / "a.png", picture)
    assert (tmp_path / "a.png").read_bytes() == picture


def test_white_stays_white() -> None:
    picture = Image.open(io.BytesIO(png_bytes(figure(), dpi=60)))
    assert picture.getpixel((0, 0)) == (255, 255, 255)
