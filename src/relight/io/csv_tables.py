"""CSV tables in, every value as the text that stands in the file, or of a type that is asked for.

A table larger than memory passes through in pieces of some 16 MB of whole rows.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from relight.errors import InputError
from relight.io.csv_bytes import count, has_leading_zeros, is_certain, without_quoted
from relight.io.csv_files import open_csv, separator_of
from relight.io.csv_structure import check_csv, check_header

PIECE = 1 << 24
_MOST_PIECES = 4  # a row that is longer than this has a quote that is never closed
_LONGEST_HEADER = 1 << 24

Types = dict[str, type[pl.DataType]]


class _Header(NamedTuple):
    names: list[str]
    n_bytes: int


def read_csv(path: Path) -> pl.DataFrame:
    """A whole table of texts, so that types are decided on whole columns.

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    return pl.concat(csv_frames(path, {}))


def csv_names(path: Path) -> list[str]:
    """The names of the columns, without spaces around them.

    Raises:
        InputError: with the line of what is wrong with the header.
    """
    return _read_header(path).names


def csv_frames(path: Path, types: Types) -> Iterator[pl.DataFrame]:
    """The rows in their order, in tables of any number of rows.

    A column that has no entry in `types` is text. So is every column of a piece where some value does not
    fit its type, or where a number would hide how it was written (NaN, 007).

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    header = _read_header(path)
    n_rows = 0
    with open_csv(path) as file:
        file.read(header.n_bytes)
        for piece in _pieces(file):
            frame = _read_certain(path, piece, header.names, types)
            if frame is None:
                frame = _read_checked(path, piece + file.read(), header.names, n_rows)
            n_rows += frame.height
            yield frame
    if n_rows == 0:
        check_csv(path)


def _read_header(path: Path) -> _Header:
    """The first row, which may span lines. What is odd about it, the exact check says."""
    with open_csv(path) as file:
        lines = _first_lines(file)
    mark = separator_of(path)
    if not is_certain(lines, without_quoted(lines, mark.encode())):
        check_csv(path)
    reader = csv.reader(io.StringIO(lines.decode("utf-8-sig"), newline=""), delimiter=mark)
    names = check_header(path, next(reader, [])) if lines else check_csv(path).names
    return _Header(names, sum(len(line) for line in lines.splitlines(keepends=True)[: reader.line_num]))


def _first_lines(file: IO[bytes]) -> bytes:
    """As many lines as it takes to close all quotes."""
    lines = file.readline(_LONGEST_HEADER)
    while lines.count(b'"') % 2 and len(lines) < _LONGEST_HEADER and (line := file.readline(_LONGEST_HEADER)):
        lines += line
    return lines


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Whole rows. Blank lines at the end of the file are left out; others start a piece."""
    rest = b""
    while block := file.read(PIECE):
        rest += block
        end = _end_of_rows(rest) if len(rest) < _MOST_PIECES * PIECE else len(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest.replace(b"\r\n", b"\n").strip(b"\n"):
        yield rest


def _end_of_rows(block: bytes) -> int:
    """Where the last whole row ends: a line end inside quotes ends none."""
    end = block.rfind(b"\n") + 1
    n_quotes = block.count(b'"', 0, end)
    while n_quotes % 2:
        before = block.rfind(b"\n", 0, end - 1) + 1
        n_quotes -= block.count(b'"', before, end)
        end = before
    written = len(block[:end].rstrip(b"\r\n"))
    return min(end, written + len(b"\r\n" if block.startswith(b"\r\n", written) else b"\n")) if written else 0


def _read_certain(path: Path, piece: bytes, names: list[str], types: Types) -> pl.DataFrame | None:
    """The rows of a piece, or None where it is not certain that they are read as they are meant."""
    mark = separator_of(path).encode()
    plain = without_quoted(piece, mark)
    if not is_certain(piece, plain):
        return None
    plain_numbers = types and not has_leading_zeros(piece, mark)
    frame = _parse(path, piece, names, types) if plain_numbers else None
    frame = _parse(path, piece, names, {}) if frame is None else frame
    if frame is None or (plain is not piece and frame.height != _n_lines(plain)):
        return None
    # A row that is too long is an error of Polars, and one that is too short ends in a gap.
    has_gaps = frame[names[-1]].null_count() > 0
    return frame if not has_gaps or count(plain, mark) == (len(names) - 1) * frame.height else None


def _read_checked(path: Path, rows: bytes, names: list[str], n_before: int) -> pl.DataFrame:
    """All rows that are left, once the exact check has found nothing wrong with the file."""
    n_rows = check_csv(path).n_rows - n_before
    frame = _parse(path, rows.rstrip(b"\r\n"), names, {})
    if frame is None or frame.height != n_rows:
        raise InputError(f"{path}: cannot be read as CSV; write quotes around each value that has quotes in it")
    return frame


def _parse(path: Path, piece: bytes, names: list[str], types: Types) -> pl.DataFrame | None:
    schema = {name: types.get(name, pl.String) for name in names}
    if piece.startswith(codecs.BOM_UTF8):
        return None  # Polars would leave it out
    try:
        frame = pl.read_csv(piece, has_header=False, schema=schema, separator=separator_of(path))
    except pl.exceptions.PolarsError:
        return None
    hidden = any(bool(column.is_nan().any()) for column in frame if column.dtype.is_float())
    return None if hidden else frame


def _n_lines(plain: bytes) -> int:
    return count(plain, b"\n") + (not plain.endswith(b"\n"))
