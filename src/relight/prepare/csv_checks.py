"""Exact CSV structure checks, gzip.

CSV files by their names: comma or tab, plain or gzip.

What CSV readers swallow in silence, refused with file and line before any of them sees it.

Foreign bytes, NUL, UTF-16, lines that end with CR alone, duplicate names, blank lines among the rows,
rows that are too short or too long, and a quote that is never closed (which swallows the rest of the
file as one value).
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from relight.data.text_columns import name_problems
from relight.errors import InputError

_CHUNK = 1 << 20
_FOREIGN = {
    b"\x1f\x8b": "gzip data; name it .csv.gz",
    b"PAR1": "Parquet; name it .parquet",
    b"\x89PNG": "a picture",
    b"PK\x03\x04": "a zip or Excel file; save the table as CSV",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}
_LONE_RETURN = re.compile(rb"\r(?!\n)")


def separator_of(path: Path) -> str:
    """What stands between the values: a tab in .tsv files, a comma in all others."""
    return "\t" if ".tsv" in path.suffixes else ","


@contextmanager
def open_csv(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the text, unpacked where the name ends in .gz.

    Raises:
        InputError: when the file cannot be opened, or the gzip data is damaged.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            yield cast(IO[bytes], file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: is a damaged gzip file ({error}); copy or download it again") from error
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


class CsvStructure(NamedTuple):
    """The column names, without spaces around them, and how many rows follow them."""

    names: list[str]
    n_rows: int


def check_csv(path: Path) -> CsvStructure:
    """The structure of a file that can be read without surprises.

    Raises:
        InputError: with the line of the first thing that cannot.
    """
    _check_bytes(path)
    with open_csv(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=separator_of(path), strict=True)
        row_starts = 1
        try:
            names = check_header(path, next(reader, []))
            n_rows, blank = 0, 0
            row_starts = reader.line_num + 1
            for row in reader:
                if row:
                    _check_row(path, row_starts, len(row), len(names), blank)
                    n_rows += 1
                else:
                    blank = blank or row_starts
                row_starts = reader.line_num + 1
        except csv.Error as error:
            raise InputError(_syntax_problem(path, row_starts, str(error))) from error
    if n_rows == 0:
        raise InputError(f"{path}: has a header but no rows")
    return CsvStructure(names, n_rows)


def _check_bytes(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with open_csv(path) as file:
        head = file.read(4)
        if head in (b"", codecs.BOM_UTF8):
            raise InputError(f"{path}: is empty ({len(head)} bytes)")
        for magic, what in _FOREIGN.items():
            if head.startswith(magic):
                raise InputError(f"{path}: is not CSV but {what}")
        file.seek(0)
        while chunk := file.read(_CHUNK):
            chunk += file.read(1) if chunk.endswith(b"\r") else b""
            _check_chunk(path, chunk, line, decoder)
            line += chunk.count(b"\n")
        _check_utf8(path, b"", line, decoder)


def _check_chunk(path: Path, chunk: bytes, line: int, decoder: codecs.IncrementalDecoder) -> None:
    if (at := chunk.find(b"\0")) >= 0:
        line += chunk.count(b"\n", 0, at)
        raise InputError(f"{path}:{line}: has a NUL byte; is it a text file in UTF-8?")
    _check_utf8(path, chunk, line, decoder)
    if match := _LONE_RETURN.search(chunk):
        line += chunk.count(b"\n", 0, match.start())
        raise InputError(f"{path}:{line}: a line ends with CR alone; save the file with LF or CRLF line ends")


def _check_utf8(path: Path, chunk: bytes, line: int, decoder: codecs.IncrementalDecoder) -> None:
    """An empty chunk ends the file."""
    try:
        decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        line += error.object.count(b"\n", 0, error.start)
        byte = error.object[error.start]
        raise InputError(f"{path}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error


def _check_row(path: Path, line: int, n_values: int, n_names: int, blank: int) -> None:
    """Blank lines may end a file; among the rows they could mean a missing value, or nothing."""
    if blank:
        raise InputError(f"{path}:{blank}: is a blank line among the rows; delete it")
    if n_values != n_names:
        raise InputError(f"{path}:{line}: must have {n_names} values as the header, got {n_values}")


def check_header(path: Path, header: list[str]) -> list[str]:
    """The names of the columns, without spaces around them.

    Raises:
        InputError: for no names, names that are there twice, or another separator.
    """
    names = [name.strip() for name in header]
    if not names:
        raise InputError(f"{path}:1: is blank; the first line must name the columns")
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
        most = csv.field_size_limit()
        return f"{path}:{line}: a value has more than {most} characters; is a quote open that should not be?"
    return f"{path}:{line}: {error}"
