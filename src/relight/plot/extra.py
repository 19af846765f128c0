"""The files that stages of the user's own wrote for the end of the report page.

Nothing of a file reaches the page as HTML or script: pictures are images, which run no script; the cells of a table are
escaped; Markdown is read without HTML.
"""

import base64
import csv
import io
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from relight.errors import InputError

MAX_FILES, MAX_FILE_BYTES, MAX_ALL_BYTES = 50, 4 << 20, 32 << 20
MAX_TABLE_ROWS, MAX_TABLE_COLUMNS, MAX_CELL_LETTERS = 100, 30, 200
MAX_PIXELS = 50_000_000  # a PNG of a few kilobytes may expand to all memory of the browser
PNG_START, PNG_HEAD_BYTES = b"\x89PNG\r\n\x1a\n", 24  # ... length, IHDR, width, height


class ExtraTable(NamedTuple):
    """The head and first rows of a CSV, and what was left out, in words."""

    heads: list[str]
    rows: list[list[str]]
    numbers: list[bool]
    left_out: str


class ExtraItem(NamedTuple):
    """A file of the folder; exactly one of `image`, `table`, `html` and `problem` says what is shown of it.

    Attributes:
        name: its path in the folder.
        image: a data URI.
        html: safe HTML.
        problem: why it is not shown.
    """

    name: str
    image: str = ""
    table: ExtraTable | None = None
    html: str = ""
    problem: str = ""


def read_extra(files: dict[str, Path]) -> list[ExtraItem]:
    """Return the files to show, sorted by name; hidden ones, such as .gitignore, are left out.

    Args:
        files: by their paths in the folder.
    """
    shown = {name: file for name, file in sorted(files.items()) if not any(p.startswith(".") for p in name.split("/"))}
    items, used = [], 0
    for number, (name, file) in enumerate(shown.items()):
        size = file.stat().st_size
        problem = _limit_problem(number, size, used)
        used += 0 if problem else size
        printable = os.fsencode(name).decode("utf-8", errors="replace")
        items.append(ExtraItem(printable, problem=problem) if problem else _item(printable, file))
    return items


def _limit_problem(number: int, size: int, used: int) -> str:
    if number >= MAX_FILES:
        return f"not shown: only the first {MAX_FILES} files are"
    if size > MAX_FILE_BYTES:
        return f"not shown: must have at most {MAX_FILE_BYTES >> 20} MB, got {size / (1 << 20):.1f} MB"
    if used + size > MAX_ALL_BYTES:
        return f"not shown: all files together must have at most {MAX_ALL_BYTES >> 20} MB"
    return ""


def _item(name: str, file: Path) -> ExtraItem:
    content = file.read_bytes()
    try:
        match file.suffix.lower():
            case ".png":
                return ExtraItem(name, image=_data_uri("image/png", _checked_png(content)))
            case ".svg":
                return ExtraItem(name, image=_data_uri("image/svg+xml", _checked_svg(content)))
            case ".csv":
                return ExtraItem(name, table=_table(_text(content)))
            case ".md":
                from relight.plot.safe_markdown import markdown_html  # a parser that only this kind of file needs

                return ExtraItem(name, html=markdown_html(_text(content)))
            case _:
                return ExtraItem(name, problem="not shown: only .png, .svg, .csv and .md are")
    except InputError as error:
        return ExtraItem(name, problem=f"not shown: {error}")


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _checked_png(content: bytes) -> bytes:
    if not content.startswith(PNG_START) or len(content) < PNG_HEAD_BYTES:
        raise InputError("it is no PNG")
    width, height = struct.unpack(">II", content[16:PNG_HEAD_BYTES])
    if width * height > MAX_PIXELS:
        raise InputError(f"must have at most {MAX_PIXELS:,} pixels, got {width:,} × {height:,}")
    return content


def _checked_svg(content: bytes) -> bytes:
    if b"<svg" not in content:
        raise InputError("it is no SVG")
    return content


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("it is not UTF-8") from error


def _table(text: str) -> ExtraTable:
    """Return the first rows and columns of a CSV whose first line names the columns."""
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    except csv.Error as error:
        raise InputError(f"it is no CSV that can be read: {error}") from error
    if not lines:
        raise InputError("it is empty")
    n_rows, n_columns = len(lines) - 1, max(len(line) for line in lines)
    shown = [[_cell(text) for text in _padded(line, n_columns)] for line in lines[: MAX_TABLE_ROWS + 1]]
    columns = list(zip(*shown[1:], strict=True)) or [()] * len(shown[0])
    return ExtraTable(shown[0], shown[1:], [_are_numbers(column) for column in columns], _left_out(n_rows, n_columns))


def _padded(line: list[str], n_columns: int) -> list[str]:
    return [*line, *[""] * (n_columns - len(line))][:MAX_TABLE_COLUMNS]


def _cell(text: str) -> str:
    return text if len(text) <= MAX_CELL_LETTERS else f"{text[:MAX_CELL_LETTERS]} …"


def _are_numbers(column: Iterable[Any]) -> bool:
    texts = [text for text in column if text]
    return bool(texts) and all(_is_number(text) for text in texts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _left_out(n_rows: int, n_columns: int) -> str:
    parts = [f"the first {MAX_TABLE_ROWS} of {n_rows} rows"] if n_rows > MAX_TABLE_ROWS else []
    parts += [f"the first {MAX_TABLE_COLUMNS} of {n_columns} columns"] if n_columns > MAX_TABLE_COLUMNS else []
    return f"Shown are {' and '.join(parts)}." if parts else ""
