"""What CSV readers swallow in silence, refused with file and line before any of them sees it.

Foreign bytes, NUL, UTF-16, CR-only lines, duplicate names, rows that are too short or too long,
and a quote that is never closed (which swallows the rest of the file as one value).
"""

import codecs
import csv
from pathlib import Path

from relight.errors import InputError

_CHUNK = 1 << 20
_FOREIGN = {
    b"\x1f\x8b": "gzip data; unpack it first",
    b"PAR1": "Parquet; name it .parquet",
    b"\x89PNG": "a picture",
    b"PK\x03\x04": "a zip or Excel file; save the table as CSV",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
}


def check_csv(path: Path) -> list[str]:
    """The column names of a file that can be read without surprises.

    Raises:
        InputError: with the line of the first thing that cannot.
    """
    _check_bytes(path)
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        start = 1
        try:
            header = _check_header(path, next(reader))
            for row in reader:
                start, first = reader.line_num + 1, start
                if len(row) != len(header) and row:
                    raise InputError(
                        f"{path}:{reader.line_num}: must have {len(header)} values as the header, however: {len(row)}"
                    )
        except csv.Error as error:
            raise InputError(_syntax_problem(path, start, str(error))) from error
    if first == start == 1 or reader.line_num <= 1:
        raise InputError(f"{path}: has a header but no rows")
    return header


def _check_bytes(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, has_newline, has_return = 1, False, False
    with open(path, "rb") as file:
        head = file.read(4)
        if not head:
            raise InputError(f"{path}: is empty (0 bytes)")
        for magic, what in _FOREIGN.items():
            if head.startswith(magic):
                raise InputError(f"{path}: is not CSV but {what}")
        file.seek(0)
        while chunk := file.read(_CHUNK):
            _check_chunk(path, chunk, line, decoder)
            line += chunk.count(b"\n")
            has_newline |= b"\n" in chunk
            has_return |= b"\r" in chunk
    if has_return and not has_newline:
        raise InputError(f"{path}: ends its lines with CR alone; save it with LF or CRLF line ends")


def _check_chunk(path: Path, chunk: bytes, line: int, decoder: codecs.IncrementalDecoder) -> None:
    if (at := chunk.find(b"\0")) >= 0:
        line += chunk.count(b"\n", 0, at)
        raise InputError(f"{path}:{line}: has a NUL byte; is it a text file in UTF-8?")
    try:
        decoder.decode(chunk)
    except UnicodeDecodeError as error:
        at = line + chunk.count(b"\n", 0, error.start)
        raise InputError(
            f"{path}:{at}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error


def _check_header(path: Path, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    if len(names) == 1:
        other = next((mark for mark in (";", "\t", "|") if mark in names[0]), None)
        if other:
            raise InputError(f"{path}:1: only one column found; is the separator {other!r}? Save it with commas")
    problems = [f"{path}:1: column {place} has no name" for place, name in enumerate(names, 1) if not name]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    problems += [f"{path}:1: column '{name}' is there {names.count(name)} times; rename one" for name in twice]
    if problems:
        raise InputError(*problems)
    return names


def _syntax_problem(path: Path, line: int, error: str) -> str:
    if "unexpected end of data" in error:
        return f"{path}:{line}: a quote opens in this row and is never closed"
    if "expected after" in error:
        return f"{path}:{line}: a quote closes in the middle of a value; write a quote inside quotes twice"
    return f"{path}:{line}: {error}"
