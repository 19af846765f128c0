"""The dialect of a text table, found in its first rows: encoding, separator, the line of the names, a row of units.

What the params say is not looked for. A table that no dialect fits keeps the usual one, and the exact check names its
problem with the line.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

from relight.data.text_format import MISSING_WORDS, CsvParams
from relight.errors import InputError
from relight.prepare.csv.encoding import ENCODING_BYTES, decode, find_encoding
from relight.prepare.csv.files import open_csv
from relight.prepare.csv.pieces import MAX_ROW_BYTES

_SAMPLE_BYTES = 1 << 18  # that decide on the rest
_SAMPLE_ROWS = 200
_HELD_BYTES = 1 << 26  # of decoded text in memory; more is in a temporary file
_MAX_PREAMBLE = 50  # rows
_NUMBER = re.compile(r"[+-]?[$€£¥]?[0-9][0-9.,' ]*([eE][+-]?[0-9]+)?%?|[+-]?[.,][0-9]+")
_WORDS_OF_GAPS = {*MISSING_WORDS, "?", "-", ".", "--"}


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes:
        n_before: the number of lines in front of the names, or of the rows if there are none.
        ends_with_separator: whether a separator stands behind the last value of each row.
        has_units: whether a row of units follows the names.
    """

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    comment: str = ""
    n_before: int = 0
    has_names: bool = True
    ends_with_separator: bool = False
    has_units: bool = False

    @property
    def csv_options(self) -> dict[str, Any]:
        """The arguments of Python's csv.reader."""
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return {"delimiter": self.separator, **quoting}

    @property
    def left_out(self) -> list[str]:
        """What the file has besides names and rows."""
        before = (
            f"{self.n_before} line{'s' * (self.n_before > 1)} in front of the {'names' if self.has_names else 'rows'}"
        )
        found = {
            before: self.n_before > 0,
            "a separator at the end of each row": self.ends_with_separator,
            "a row of units": self.has_units,
        }
        return [what for what, is_there in found.items() if is_there]


class _Rows(NamedTuple):
    """The first rows, split by one separator.

    Attributes:
        values: of each row.
        lines: the line of each row, counted from 0.
        width: the number of values that most rows have.
        share: of the rows that have so many.
    """

    separator: str
    values: list[list[str]]
    lines: list[int]
    width: int
    share: float

    def numbers_share(self) -> float:
        """Return the share of the values that look like numbers."""
        cells = [cell for row in self.values for cell in row]
        return sum(bool(_NUMBER.fullmatch(cell.strip())) for cell in cells) / max(len(cells), 1)


def find_dialect(path: Path, params: CsvParams, fallback: str = "windows-1252") -> Dialect:
    """Return how a file is written.

    Args:
        fallback: the encoding of a file whose bytes are not UTF-8.

    Raises:
        InputError: for bytes in an encoding that is not certain, and for a first row of values instead of names.
    """
    with open_csv(path) as file:
        head = file.read(ENCODING_BYTES)
    quote, comment = ("" if mark == "none" else mark for mark in (params.quote, params.comment))
    encoding = find_encoding(path, head, params, fallback)
    usual = Dialect(encoding, _usual_separator(path, params), quote, comment, has_names=params.header != "none")
    is_cut = len(head) > _SAMPLE_BYTES
    rows = _best_rows(_lines(head[:_SAMPLE_BYTES], encoding, is_cut=is_cut), _separators(path, params), usual)
    return usual if rows is None else _with_rows(path, usual, rows, params)


@contextmanager
def open_rows(path: Path, dialect: Dialect) -> Iterator[IO[bytes]]:
    """Open a text table as UTF-8, at the line of its names, or at its first row if it has none.

    Raises:
        InputError: when it cannot be opened, or its bytes are not in the encoding of the dialect.
    """
    with open_csv(path) as file, SpooledTemporaryFile(_HELD_BYTES) as decoded:
        if dialect.encoding != "utf-8":
            decode(path, file, dialect.encoding, decoded)
        lines = file if dialect.encoding == "utf-8" else decoded
        for _ in range(dialect.n_before):
            lines.readline(MAX_ROW_BYTES)
        yield lines


def _with_rows(path: Path, usual: Dialect, rows: _Rows, params: CsvParams) -> Dialect:
    """Return the dialect with what its first rows say."""
    first = _first_row(rows, params)
    if first is None:
        return usual._replace(separator=rows.separator)
    values = rows.values[first:]
    ends = _end_with_separator(values)
    values = [row[:-1] if ends and len(row) == rows.width else row for row in values]
    if params.header == "auto" and _looks_like_values(values):
        shown, line = ", ".join(values[0][:4]), rows.lines[first] + 1
        raise InputError(
            f"{path}:{line}: must name the columns, got values as in the rows below it ({shown}); if the file has no "
            f"names, write `csv: {{header: none}}` in prepare, or `csv: {{header: {line}}}` if these are the names"
        )
    return usual._replace(
        separator=rows.separator,
        n_before=rows.lines[first],
        ends_with_separator=ends,
        has_units=params.header == "auto" and _has_units(values),
    )


def _usual_separator(path: Path, params: CsvParams) -> str:
    if params.separator != "auto":
        return params.separator
    return "\t" if {".tsv", ".tab"} & {suffix.lower() for suffix in path.suffixes} else ","


def _separators(path: Path, params: CsvParams) -> list[str]:
    usual = _usual_separator(path, params)
    return [usual] if params.separator != "auto" else list(dict.fromkeys([usual, ",", ";", "\t", "|"]))


def _lines(sample: bytes, encoding: str, *, is_cut: bool) -> list[str]:
    """Return the lines of the sample, without the last one if more bytes follow it."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample).lstrip("\ufeff")
    lines = re.split(r"(?<=\n)", text)
    return lines[:-1] if is_cut else [line for line in lines if line]


def _best_rows(lines: list[str], separators: list[str], usual: Dialect) -> _Rows | None:
    """Return the rows of the separator that fits most of them; of several, the one that makes the most numbers."""
    found = [rows for mark in separators if (rows := _split(lines, mark, usual)) is not None]
    several = [rows for rows in found if rows.width > 1]
    if not several:
        return next((rows for rows in found if rows.separator == usual.separator), None)
    most = max(rows.share for rows in several)
    best = [rows for rows in several if rows.share == most]
    return best[0] if len(best) == 1 else max(best, key=_Rows.numbers_share)


def _split(lines: list[str], separator: str, usual: Dialect) -> _Rows | None:
    kept = ["\n" if usual.comment and line.startswith(usual.comment) else line for line in lines]
    reader = csv.reader(kept, **usual._replace(separator=separator).csv_options)
    values, starts, start = list[list[str]](), list[int](), 0
    try:
        for row in reader:
            if any(row):
                values.append(row)
                starts.append(start)
            start = reader.line_num
            if len(values) == _SAMPLE_ROWS:
                break
    except csv.Error:
        return None
    if not values:
        return None
    width, n_rows = max(Counter(map(len, values)).items(), key=lambda item: (item[1], item[0]))
    return _Rows(separator, values, starts, width, n_rows / len(values))


def _first_row(rows: _Rows, params: CsvParams) -> int | None:
    """Return the index of the row of names, or of the first row of values if there are none; None if there is none."""
    if isinstance(params.header, int):
        return next((index for index, line in enumerate(rows.lines) if line + 1 >= params.header), None)
    if rows.width == 1:
        return 0
    others = (index for index in range(len(rows.values)) if not _is_in_front(rows, index))
    return next(others, None)


def _is_in_front(rows: _Rows, index: int) -> bool:
    """Return whether a row is no row of the table: one text, also one filled up with separators, or a comment.

    A row of several values is none of these, so that names that are too few stay names, and are told.
    """
    row, width = rows.values[index], rows.width
    below, further = [*rows.values[index + 1 : index + 3], [], []][:2]
    n_filled = sum(bool(value.strip()) for value in row)
    if row[0].startswith(("#", "%", "//")):
        return len(row) != width or (_are_words(below) and len(below) == width and not _are_words(further))
    if len(row) < width:
        return n_filled <= 1
    names = (names for names in rows.values[index + 1 : index + 1 + _MAX_PREAMBLE] if sum(map(bool, names)) > width / 2)
    return width > 2 and n_filled <= width / 2 and _are_words(next(names, []))


def _are_words(row: list[str]) -> bool:
    return bool(row) and not any(_NUMBER.fullmatch(value.strip()) for value in row)


def _end_with_separator(values: list[list[str]]) -> bool:
    """Return whether the last value of all rows is empty, and the names, which may lack it, have none for it."""
    width = max(len(row) for row in values)
    others = values[1:]
    is_nameless = len(values[0]) == width - 1 or values[0][-1].strip() == ""
    return bool(others) and width > 1 and is_nameless and all(len(row) == width and row[-1] == "" for row in others)


def _looks_like_values(values: list[list[str]]) -> bool:
    """Return whether the first row is like the others: numbers stand above numbers, words above words, and they are
    no list of whole numbers such as years, which may be names."""
    names, others = values[0], [row for row in values[1:] if len(row) == len(values[0])]
    is_number = [bool(_NUMBER.fullmatch(name.strip())) for name in names]
    if not others or not any(is_number):
        return False
    if all(is_number) and all(name.strip().isdigit() for name in names) and _ascend([int(name) for name in names]):
        return False
    return all(_is_like(columns, is_a) for columns, is_a in zip(zip(*others, strict=True), is_number, strict=True))


def _ascend(numbers: list[int]) -> bool:
    return all(low < high for low, high in pairwise(numbers))


def _is_like(column: tuple[str, ...], is_number: bool) -> bool:
    present = [value for value in map(str.strip, column) if value not in _WORDS_OF_GAPS]
    return bool(present) and all(bool(_NUMBER.fullmatch(value)) == is_number for value in present)


def _has_units(values: list[list[str]]) -> bool:
    """Return whether the first row below the names has words, or nothing, in two or more columns of numbers."""
    others = [row for row in values[2:] if len(row) == len(values[0])]
    if len(others) < 2 or len(values[1]) != len(values[0]):
        return False
    if any(_NUMBER.fullmatch(cell.strip()) or cell.strip() in {"?", "NA", "NaN"} for cell in values[1]):
        return False
    numeric = [_is_like(column, is_number=True) for column in zip(*others, strict=True)]
    words = [bool(cell.strip()) for cell in values[1]]
    return sum(is_numeric and is_word for is_numeric, is_word in zip(numeric, words, strict=True)) >= 2
