"""Exact checks of the structure of CSV files: what CSV readers accept silently is refused with file and line.

That is NUL, lines that end in CR only, duplicate names, blank lines in a single column, rows
that are too short or too long, and a quote that is never closed (which makes one value of the rest of the file).
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from relight.data.index_columns import with_index_name
from relight.data.parquet_sizes import MAX_COLUMNS
from relight.data.text_columns import name_problems
from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.prepare.csv.dialect import Dialect, find_dialect
from relight.prepare.csv.files import open_rows
from relight.prepare.csv.pieces import MAX_ROW_BYTES
from relight.runtime.messages import pluralize

_CHUNK_BYTES = 1 << 20
_LONE_RETURN = re.compile(rb"\r(?!\n)")


class CsvStructure(NamedTuple):
    """The column names, without spaces around them, and how many rows follow them."""

    names: list[str]
    n_rows: int


class TableLines:
    """The lines of a table from its names on, in which comments are blank, so that lines keep their numbers."""

    def __init__(self, text: Iterable[str], dialect: Dialect) -> None:
        self._text, self._comment = text, dialect.comment

    def __iter__(self) -> Iterator[str]:
        if not self._comment:
            return iter(self._text)
        return ("\n" if line.startswith(self._comment) else line for line in self._text)


def check_csv(path: Path, dialect: Dialect | None = None) -> CsvStructure:
    """Return the structure of a file that can be read in one way only.

    Args:
        dialect: of the file; None to find it.

    Raises:
        InputError: with the line of the first problem.
    """
    dialect = find_dialect(path, CsvParams()) if dialect is None else dialect
    _check_bytes(path, dialect)
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        line = first_line = dialect.n_before + 1
        lines = TableLines(chain.from_iterable(_bounded_lines(path, text, lambda: line)), dialect)
        reader = csv.reader(lines, **dialect.csv_options, strict=True)
        try:
            first = next(reader, [])
            names = check_header(path, dialect, first)
            n_rows, blank_line = -dialect.n_units, 0
            n_rows += not dialect.has_names
            line = first_line + reader.line_num
            for row in reader:
                if row == first and dialect.has_names and len(names) > 1:
                    raise InputError(second_names_problem(path, line))
                if row:
                    _check_row(path, line, row, len(names), dialect, blank_line)
                    n_rows += 1
                elif len(names) == 1 and not dialect.comment:
                    blank_line = blank_line or line
                line = first_line + reader.line_num
        except csv.Error as error:
            raise InputError(_syntax_problem(path, line, str(error))) from error
    if n_rows <= 0:
        raise InputError(f"{path}: has a header but no rows")
    return CsvStructure(names, n_rows)


def _bounded_lines(path: Path, text: io.TextIOWrapper, row_line: Callable[[], int]) -> Iterator[list[str]]:
    """Yield the lines, many at a time, as long as rows end among them: many lines in quotes may be one row.

    Args:
        row_line: returns the line of the row that is being read.
    """
    n_waiting, last_line = 0, 0
    while lines := text.readlines(_CHUNK_BYTES):
        yield lines
        n_waiting = n_waiting + 1 if row_line() == last_line else 0
        last_line = row_line()
        if n_waiting * _CHUNK_BYTES > MAX_ROW_BYTES:
            raise InputError(_long_problem(path, last_line, "row"))


def _long_problem(path: Path, line: int, what: str) -> str:
    return f"{path}:{line}: a {what} has more than {MAX_ROW_BYTES >> 20} MB; is it a table, with a row on each line?"


def _check_bytes(path: Path, dialect: Dialect) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, n_bytes = dialect.n_before + 1, 0  # of the line that is not ended yet
    with open_rows(path, dialect.encoding, dialect.n_before) as file:
        while chunk := file.read(_CHUNK_BYTES):
            chunk += file.read(1) if chunk.endswith(b"\r") else b""
            _check_chunk(path, chunk, line, decoder)
            end = chunk.find(b"\n")
            if n_bytes + (len(chunk) if end < 0 else end) > MAX_ROW_BYTES:
                raise InputError(_long_problem(path, line, "line"))
            n_bytes = len(chunk) - 1 - chunk.rfind(b"\n") + (n_bytes if end < 0 else 0)
            line += chunk.count(b"\n")
        _check_utf8(path, b"", line, decoder)


def _check_chunk(path: Path, chunk: bytes, line: int, decoder: codecs.IncrementalDecoder) -> None:
    if (at := chunk.find(b"\0")) >= 0:
        line += chunk.count(b"\n", 0, at)
        raise InputError(f"{path}:{line}: has a NUL byte; is it a text file in UTF-8?")
    _check_utf8(path, chunk, line, decoder)
    if match := _LONE_RETURN.search(chunk):
        line += chunk.count(b"\n", 0, match.start())
        raise InputError(f"{path}:{line}: a line ends with only a CR; save the file with LF or CRLF line ends")


def _check_utf8(path: Path, chunk: bytes, line: int, decoder: codecs.IncrementalDecoder) -> None:
    """Decode a chunk; an empty one ends the file."""
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        raise InputError(
            f"{path}:{line}: byte 0x{byte:02x} is not UTF-8; name the encoding in prepare, as "
            "`csv: {encoding: windows-1252}`, or save the file as UTF-8"
        ) from error


def _check_row(path: Path, line: int, row: list[str], n_names: int, dialect: Dialect, blank_line: int) -> None:
    """Check a row, and that no blank line is before it: in a table of one column it may mean a missing value."""
    if blank_line:
        raise InputError(f"{path}:{blank_line}: is a blank line among the rows; delete it")
    n_behind = dialect.n_behind
    if len(row) != n_names + n_behind or any(row[n_names:]):
        more = f" and {pluralize(n_behind, 'empty one')} behind them" if n_behind else ""
        hint = _width_hint(line, row, n_names, dialect)
        raise InputError(f"{path}:{line}: must have {n_names} values as the header{more}, got {len(row)}{hint}")


def _width_hint(line: int, row: list[str], n_names: int, dialect: Dialect) -> str:
    """Return what such a row often is, with the next step; empty for nothing that is known."""
    if row[0].startswith(("#", "%")) and not dialect.comment:
        return f'; if lines with {row[0][0]} are comments, write `csv: {{comment: "{row[0][0]}"}}` in prepare'
    if line == dialect.n_before + 2 and len(row) == n_names + 1:
        return "; if the first value is a row name, as R writes it, write the table with row.names = FALSE"
    if line == dialect.n_before + 2:
        return f"; if line {line} holds the names, write `csv: {{header: {line}}}` in prepare"
    if len(row) < n_names:
        return "; if it is a remark and no row, delete it"
    return ""


def check_header(path: Path, dialect: Dialect, header: list[str]) -> list[str]:
    """Return the names of the columns, without spaces around them; made ones for a table that has none.

    Args:
        header: the first row.

    Raises:
        InputError: for no names, names that occur twice, or another separator.
    """
    line = dialect.n_before + 1
    for _ in range(dialect.n_behind):
        header = header[:-1] if len(header) > 1 and header[-1].strip() == "" else header
    if not dialect.has_names:
        header = [f"column_{index}" for index in range(1, len(header) + 1)]
    names = with_index_name([name.strip().strip("\ufeff") for name in header])
    if not names:
        raise InputError(f"{path}:{line}: is blank; the first line must name the columns")
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{path}:{line}: must name at most {MAX_COLUMNS} columns, got {len(names)}; leave out some")
    if len(names) == 1:
        other = next((mark for mark in (";", "\t", "|", ",") if mark in names[0] and mark != dialect.separator), None)
        if other:
            shown = "tab" if other == "\t" else other
            raise InputError(
                f"{path}:{line}: only one column found; is the separator {other!r}? If it is, write "
                f'`csv: {{separator: "{shown}"}}` in prepare'
            )
    problems = name_problems(names)
    if problems:
        raise InputError(*(f"{path}:{line}: {problem}" for problem in problems))
    return names


def second_names_problem(path: Path, line: int) -> str:
    """Return that the names of the columns come again."""
    return (
        f"{path}:{line}: has the names of the columns again; delete this line, or put the tables into a folder, as a "
        "file each"
    )


def _syntax_problem(path: Path, line: int, error: str) -> str:
    if "unexpected end of data" in error:
        return f"{path}:{line}: a quote opens in this row and is never closed"
    if "expected after" in error:
        return f"{path}:{line}: a quote closes in the middle of a value; write a quote inside quotes twice"
    if "field limit" in error:
        limit = csv.field_size_limit()
        return f"{path}:{line}: a value has more than {limit} characters; is a quote open that should not be?"
    return f"{path}:{line}: {error}"
