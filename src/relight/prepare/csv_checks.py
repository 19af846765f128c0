"""Exact checks of the structure of CSV files: what CSV readers accept silently is refused with file and line.

That is bytes of other formats, NUL, UTF-16, lines that end in CR only, duplicate names, blank lines among the rows,
rows that are too short or too long, and a quote that is never closed (which makes one value of the rest of the file).
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from relight.data.index_columns import with_index_name
from relight.data.parquet_sizes import MAX_COLUMNS
from relight.data.text_columns import name_problems
from relight.errors import InputError
from relight.prepare.csv_bytes import MAX_ROW_BYTES, open_csv, separator_of

_CHUNK_BYTES = 1 << 20
_FOREIGN = {
    b"\x1f\x8b": "gzip data; name it .csv.gz",
    b"PAR1": "Parquet; name it .parquet",
    b"\x89PNG": "a picture",
    b"PK\x03\x04": "a zip or Excel file; save the table as CSV",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}
_LONE_RETURN = re.compile(rb"\r(?!\n)")


class CsvStructure(NamedTuple):
    """The column names, without spaces around them, and how many rows follow them."""

    names: list[str]
    n_rows: int


def check_csv(path: Path) -> CsvStructure:
    """Return the structure of a file that can be read in one way only.

    Raises:
        InputError: with the line of the first problem.
    """
    _check_bytes(path)
    with open_csv(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        first_line = 1
        lines = chain.from_iterable(_bounded_lines(path, text, lambda: first_line))
        reader = csv.reader(lines, delimiter=separator_of(path), strict=True)
        try:
            names = check_header(path, next(reader, []))
            n_rows, blank_line = 0, 0
            first_line = reader.line_num + 1
            for row in reader:
                if row:
                    _check_row(path, first_line, len(row), len(names), blank_line)
                    n_rows += 1
                else:
                    blank_line = blank_line or first_line
                first_line = reader.line_num + 1
        except csv.Error as error:
            raise InputError(_syntax_problem(path, first_line, str(error))) from error
    if n_rows == 0:
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


def _check_bytes(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, n_bytes = 1, 0  # of the line that is not ended yet
    with open_csv(path) as file:
        head = file.read(4)
        if head in (b"", codecs.BOM_UTF8):
            raise InputError(f"{path}: is empty ({len(head)} bytes)")
        for magic, what in _FOREIGN.items():
            if head.startswith(magic):
                raise InputError(f"{path}: is not CSV but {what}")
        file.seek(0)
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
        raise InputError(f"{path}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error


def _check_row(path: Path, line: int, n_values: int, n_names: int, blank_line: int) -> None:
    """Check a row, and that no blank line is before it: among the rows it could mean a missing value, or nothing."""
    if blank_line:
        raise InputError(f"{path}:{blank_line}: is a blank line among the rows; delete it")
    if n_values != n_names:
        raise InputError(f"{path}:{line}: must have {n_names} values as the header, got {n_values}")


def check_header(path: Path, header: list[str]) -> list[str]:
    """Return the names of the columns, without spaces around them.

    Raises:
        InputError: for no names, names that occur twice, or another separator.
    """
    names = with_index_name([name.strip() for name in header])
    if not names:
        raise InputError(f"{path}:1: is blank; the first line must name the columns")
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{path}:1: must name at most {MAX_COLUMNS} columns, got {len(names)}; leave out some")
    if len(names) == 1:
        other = next((mark for mark in (";", "\t", "|", ",") if mark in names[0]), None)
        if other:
            raise InputError(f"{path}:1: only one column found; is the separator {other!r}? {_next_step(path, other)}")
    problems = name_problems(names)
    if problems:
        raise InputError(*(f"{path}:1: {problem}" for problem in problems))
    return names


def _next_step(path: Path, separator: str) -> str:
    if separator == "\t":
        return "Name it .tsv, or save it with commas"
    wanted = "commas" if separator_of(path) == "," else "tabs"
    return "Name it .csv" if separator == "," else f"Save it with {wanted}"


def _syntax_problem(path: Path, line: int, error: str) -> str:
    if "unexpected end of data" in error:
        return f"{path}:{line}: a quote opens in this row and is never closed"
    if "expected after" in error:
        return f"{path}:{line}: a quote closes in the middle of a value; write a quote inside quotes twice"
    if "field limit" in error:
        limit = csv.field_size_limit()
        return f"{path}:{line}: a value has more than {limit} characters; is a quote open that should not be?"
    return f"{path}:{line}: {error}"
