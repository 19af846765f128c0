"""Reads CSV tables in pieces of some 16 MB of whole rows, every value as the text in the file or as a requested type.

Polars reads the pieces that are certain by their bytes; from the first one that is not, Python's csv reads the rest.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from relight.data.prefetch import map_ordered
from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.prepare.csv.checks import TableLines, check_csv, check_header, second_names_problem
from relight.prepare.csv.dialect import Dialect, find_dialect
from relight.prepare.csv.files import open_rows
from relight.prepare.csv.pieces import (
    MAX_ROW_BYTES,
    count_byte,
    has_leading_zeros,
    is_certain,
    without_blank_lines,
    without_quoted,
)

PIECE_BYTES = 1 << 24

_EXACT_ROWS = 1 << 16

_EXACT_BYTES = 1 << 26  # of the text of these rows

_STEP_ROWS = 256

_QUOTED_BYTES = 1 << 20  # of lines in quotes, after which the exact reader takes over

_BEHIND = "\0behind"  # no column of a table has this name

_BLANK_END = re.compile(rb"(?:^|\n)\r?\n\Z")

ColumnTypes = dict[str, type[pl.DataType]]


class _Header(NamedTuple):
    """The columns, and where the rows begin.

    Attributes:
        names: of the columns.
        in_rows: the same, with one for what stands behind the last separator if rows end with one.
        n_bytes: of the lines before the first row.
        line: that names the columns, without its end; empty if there is none, or no other line can be taken for it.
    """

    names: list[str]
    in_rows: list[str]
    n_bytes: int
    line: bytes = b""


def read_csv(path: Path) -> pl.DataFrame:
    """Return a whole table of texts, so that types are decided on whole columns.

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    return pl.concat(csv_frames(path, {}))


def csv_names(path: Path, dialect: Dialect) -> list[str]:
    """Return the names of the columns, without spaces around them.

    Raises:
        InputError: with the line of what is wrong with the header.
    """
    return _read_header(path, dialect).names


def csv_frames(path: Path, types: ColumnTypes, dialect: Dialect | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows in their order, in tables of any number of rows.

    A column that has no entry in `types` is text. So is every column of a piece in which some value does not
    fit its type, or a number would hide how it was written (NaN, 007).

    Args:
        dialect: of the file; None to find it.

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    dialect = find_dialect(path, CsvParams()) if dialect is None else dialect
    header = _read_header(path, dialect)
    frames = _all_frames(path, types, dialect, header)
    return _without_empty_end(frames) if len(header.names) > 2 else frames


def _all_frames(path: Path, types: ColumnTypes, dialect: Dialect, header: _Header) -> Iterator[pl.DataFrame]:
    n_rows = 0
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        file.read(header.n_bytes)
        for frame in map_ordered(partial(_read_certain, path, dialect, header, types), _pieces(file)):
            if frame is None:
                yield from _read_exactly(path, dialect, header, n_rows)
                return
            n_rows += frame.height
            if frame.height:
                yield frame
    if n_rows == 0:
        check_csv(path, dialect)


def _without_empty_end(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield all rows but the last ones that have no value at all: spreadsheets write separators for them."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        n_empty = 0
        while n_empty < frame.height and not any(value is not None for value in frame.row(frame.height - 1 - n_empty)):
            n_empty += 1
        if n_empty < frame.height:
            yield from held
            held = []
            yield frame.head(frame.height - n_empty) if n_empty else frame
        held += [frame.tail(n_empty)] if n_empty else []


def _refuse_second_names(path: Path, dialect: Dialect, header: _Header, piece: bytes) -> None:
    """Refuse a piece that has the line of the names: another table follows.

    Raises:
        InputError: with its line.
    """
    if not header.line or header.line not in piece:
        return
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        lines = (line.rstrip(b"\r\n") for line in file)
        found = [at for at, line in enumerate(lines, dialect.n_before + 1) if line == header.line]
    if len(found) > 1:
        raise InputError(second_names_problem(path, found[1]))


def _read_header(path: Path, dialect: Dialect) -> _Header:
    """Read the names, which may span lines; the exact check reports what is wrong with them."""
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        lines = _first_lines(file)
        units = list(_next_lines(file, dialect.n_units))
    if not is_certain(lines, without_quoted(lines, dialect.separator.encode())):
        check_csv(path, dialect)
    reader = csv.reader(io.StringIO(lines.decode("utf-8-sig"), newline=""), **dialect.csv_options)
    row = next(reader, []) if lines not in (b"", codecs.BOM_UTF8) else check_csv(path, dialect).names
    names = check_header(path, dialect, row)
    in_rows = [*names, *(f"{_BEHIND}{index}" for index in range(dialect.n_behind))]
    if not dialect.has_names:
        return _Header(names, in_rows, 0)
    n_bytes = sum(len(line) for line in lines.splitlines(keepends=True)[: reader.line_num])
    is_telling = len(names) > 1 and reader.line_num == 1
    return _Header(names, in_rows, n_bytes + sum(map(len, units)), lines.rstrip(b"\r\n") if is_telling else b"")


def _next_lines(file: IO[bytes], n_lines: int) -> Iterator[bytes]:
    """Yield the next lines, until some are not blank."""
    while n_lines and (line := file.readline(MAX_ROW_BYTES)):
        n_lines -= bool(line.strip())
        yield line


def _first_lines(file: IO[bytes]) -> bytes:
    """Read as many lines as it takes to close all quotes."""
    lines = [file.readline(MAX_ROW_BYTES)]
    n_quotes, n_bytes = lines[0].count(b'"'), len(lines[0])
    while n_quotes % 2 and n_bytes < MAX_ROW_BYTES and (line := file.readline(MAX_ROW_BYTES)):
        lines.append(line)
        n_quotes, n_bytes = n_quotes + line.count(b'"'), n_bytes + len(line)
    return b"".join(lines)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield whole rows: a line end inside quotes ends none. Blank lines at the end of the file are left out."""
    while piece := file.read(PIECE_BYTES):
        piece = b"".join([piece, *_rest_of_row(file, piece)])
        if _BLANK_END.search(piece, max(len(piece) - 3, 0)):
            more = file.read(PIECE_BYTES)
            piece = piece + more + file.readline(MAX_ROW_BYTES) if more else piece.rstrip(b"\r\n")
        if piece:
            yield piece


def _rest_of_row(file: IO[bytes], piece: bytes) -> Iterator[bytes]:
    """Yield lines until one ends outside quotes; only some, because a quote, or a line, may never end."""
    is_quoted = b'"' in piece and piece.count(b'"') % 2 == 1
    n_bytes = 0
    while n_bytes < _QUOTED_BYTES if is_quoted else not piece.endswith(b"\n") and n_bytes < MAX_ROW_BYTES:
        piece = file.readline(MAX_ROW_BYTES)
        if not piece:
            return
        n_bytes += len(piece)
        is_quoted ^= piece.count(b'"') % 2 == 1
        yield piece


def _read_certain(
    path: Path, dialect: Dialect, header: _Header, types: ColumnTypes, piece: bytes
) -> pl.DataFrame | None:
    """Return the rows of a piece, or None if they could be read in two ways."""
    if dialect.quote != '"' or not header.names:
        return None
    if dialect.separator == " " and re.search(rb"  | \r?\n|(?:\A|\n) ", piece):
        return None  # several spaces are one separator
    mark, names = dialect.separator.encode(), header.in_rows
    plain = without_quoted(piece, mark)
    is_sure = not dialect.comment and is_certain(piece, plain)
    if not is_sure and len(names) > 1:
        piece = without_blank_lines(piece, dialect.comment.encode())
        plain = without_quoted(piece, mark)
        is_sure = bool(piece) and is_certain(piece, plain)
    if not is_sure:
        return None
    may_be_typed = types and not has_leading_zeros(piece, mark)
    frame = _parse(dialect, piece, names, types) if may_be_typed else None
    if frame is None:  # names are no numbers: a piece that has them is not read as such
        _refuse_second_names(path, dialect, header, piece)
        frame = _parse(dialect, piece, names, {})
    if frame is None or (plain is not piece and frame.height != _count_lines(plain)):
        return None
    # Polars refuses a row that is too long, and ends one that is too short with a gap.
    has_gaps = frame[names[-1]].null_count() > 0
    is_whole = not has_gaps or count_byte(plain, mark) == (len(names) - 1) * frame.height
    behind = frame[:, len(header.names) :]
    if not is_whole or any(column.null_count() < frame.height for column in behind):
        return None
    return frame.drop(behind.columns)


def _read_exactly(path: Path, dialect: Dialect, header: _Header, n_before: int) -> Iterator[pl.DataFrame]:
    """Yield all rows after the first `n_before` as Python reads them, once the exact check has found no problem.

    It is slow, and right in the cases in which Polars is not: a quote may be inside a value.
    """
    check_csv(path, dialect)
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        lines = TableLines(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), dialect)
        rows = (row for row in csv.reader(lines, **dialect.csv_options) if row)
        remaining = islice(rows, dialect.has_names + dialect.n_units + n_before, None)
        while chunk := _next_rows(remaining, file):
            columns = zip(header.in_rows, zip(*chunk, strict=True), strict=True)
            yield pl.DataFrame(
                {name: [value or None for value in values] for name, values in columns if name in header.names},
                _text_types(header.names),
            )


def _next_rows(rows: Iterator[list[str]], file: IO[bytes]) -> list[list[str]]:
    """Return some of the next rows, fewer of long ones; none at the end."""
    start, chunk = file.tell(), list[list[str]]()
    while len(chunk) < _EXACT_ROWS and file.tell() - start < _EXACT_BYTES:
        step = list(islice(rows, _STEP_ROWS))
        chunk += step
        if len(step) < _STEP_ROWS:
            break
    return chunk


def _parse(dialect: Dialect, piece: bytes, names: list[str], types: ColumnTypes) -> pl.DataFrame | None:
    """Return the rows as Polars reads them; None if it cannot, or if a NaN hides how it was written."""
    schema = {**_text_types(names), **{name: types[name] for name in names if name in types}}
    if piece.startswith(codecs.BOM_UTF8):
        return None  # Polars would drop the mark
    try:
        # Polars is a sixth faster if it need not look for quotes.
        quote = '"' if b'"' in piece else None
        frame = pl.read_csv(piece, has_header=False, schema=schema, separator=dialect.separator, quote_char=quote)
    except pl.exceptions.PolarsError:
        return None
    has_nan = any(bool(column.is_nan().any()) for column in frame if column.dtype.is_float())
    return None if has_nan else frame


def _text_types(names: list[str]) -> ColumnTypes:
    return dict.fromkeys(names, pl.String)


def _count_lines(plain: bytes) -> int:
    return count_byte(plain, b"\n") + (not plain.endswith(b"\n"))
