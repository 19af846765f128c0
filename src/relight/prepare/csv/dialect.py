"""The dialect of a text table, found in its first rows: encoding, separator, the line of the names, a row of units.

What the params say is not looked for. A table that no dialect fits keeps the usual one, and the exact check names its
problem with the line.
"""

import codecs
import csv
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from relight.data.text_format import MISSING_WORDS, CsvParams
from relight.errors import InputError
from relight.prepare.csv.encoding import ENCODING_BYTES, find_encoding, refuse_one_column, refuse_single_quotes
from relight.prepare.csv.files import open_csv
from relight.runtime.messages import pluralize

_SAMPLE_BYTES = 1 << 18  # that decide on the rest
_SAMPLE_ROWS = 200
_MAX_PREAMBLE = 50  # rows
_NUMBER = re.compile(r"[+-]?[$€£¥]?[0-9][0-9.,' ]*([eE][+-]?[0-9]+)?%?|[+-]?[.,][0-9]+")
_SPACED_QUOTE = re.compile(r'(?:^|[,;\t|]) +"')
_UNIT_MARK = re.compile(r"[\[(°%/²³µ€$£]")
_WORDS_OF_GAPS = {*MISSING_WORDS, "?", "-", ".", "--"}


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes:
        n_before: the number of lines in front of the names, or of the rows if there are none.
        n_behind: the number of separators behind the last value of each row.
        n_units: the number of rows of units that follow the names.
        skips_spaces: whether spaces behind a separator are no part of a value.
    """

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    comment: str = ""
    n_before: int = 0
    has_names: bool = True
    n_behind: int = 0
    n_units: int = 0
    skips_spaces: bool = False

    @property
    def csv_options(self) -> dict[str, Any]:
        """The arguments of Python's csv.reader."""
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return {"delimiter": self.separator, "skipinitialspace": self.skips_spaces or self.separator == " ", **quoting}

    @property
    def left_out(self) -> list[str]:
        """What the file has besides names and rows."""
        found = {
            f" in front of the {'names' if self.has_names else 'rows'}": pluralize(self.n_before, "line"),
            " at the end of each row": _one_or_more(self.n_behind, "separator"),
            " of units": _one_or_more(self.n_units, "row"),
        }
        return [number + what for what, number in found.items() if not number.startswith("0")]


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


def _one_or_more(number: int, noun: str) -> str:
    return f"a {noun}" if number == 1 else pluralize(number, noun)


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
    lines = _lines(head[:_SAMPLE_BYTES], encoding, is_cut=is_cut)
    usual = usual._replace(skips_spaces=any(_SPACED_QUOTE.search(line) for line in lines[:_SAMPLE_ROWS]))
    rows = _best_rows(lines, _separators(path, params), usual)
    return usual if rows is None else _with_rows(path, usual, rows, params)


def _with_rows(path: Path, usual: Dialect, rows: _Rows, params: CsvParams) -> Dialect:
    """Return the dialect with what its first rows say."""
    first = _first_row(rows, params)
    if first is None:
        return usual._replace(separator=rows.separator)
    values = rows.values[first:]
    line = rows.lines[first] + 1
    if rows.width == 1 and params.separator == "auto":
        refuse_one_column(path, line, [row[0] for row in values], rows.separator)
    if usual.quote == '"':
        refuse_single_quotes(path, line, values)
    n_behind = _count_behind(values)
    values = [row[: rows.width - n_behind] for row in values]
    if params.header == "auto" and _looks_like_values(values):
        shown = ", ".join(values[0][:4])
        raise InputError(
            f"{path}:{line}: must name the columns, got values as in the rows below it ({shown}); if the file has no "
            f"names, write `csv: {{header: none}}` in prepare, or `csv: {{header: {line}}}` if these are the names"
        )
    return usual._replace(
        separator=rows.separator,
        n_before=rows.lines[first],
        n_behind=n_behind,
        n_units=0 if params.header == "none" else _count_units(values),
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
    first = next(others, None)
    return first if first is None or params.header == "none" else _names_below(rows, first)


def _names_below(rows: _Rows, first: int) -> int:
    """Return the index of the names if rows of few values, such as `Station:,5`, stand in front; else `first`.

    A single row right above them may be names that are too few, and stays.
    """
    n_first = sum(map(bool, rows.values[first]))
    for index in range(first + 1, min(first + _MAX_PREAMBLE, len(rows.values))):
        row = rows.values[index]
        if len(row) == rows.width:
            is_apart = index > 1 or rows.lines[index] > rows.lines[first] + 1
            return index if is_apart and n_first < sum(map(bool, row)) and _are_names(rows, index) else first
    return first


def _are_names(rows: _Rows, index: int) -> bool:
    """Return whether a row has different words, and numbers follow below it."""
    names = rows.values[index]
    n_names = max((at for at, name in enumerate(names, 1) if name.strip()), default=0)
    below = rows.values[index + 1 : index + 6]
    has_numbers = any(_NUMBER.fullmatch(value.strip()) for row in below for value in row)
    return _are_words(names) and len(set(filter(None, names))) == n_names and has_numbers


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


def _count_behind(values: list[list[str]]) -> int:
    """Return how many of the last values of all rows are empty, and have no name; the names may lack them."""
    width, others = max(len(row) for row in values), values[1:]
    if not others or any(len(row) != width for row in others):
        return 0
    names = values[0] + [""] * (width - len(values[0]))
    columns = zip(*others, strict=True)
    are_empty = [not name.strip() and not any(column) for name, column in zip(names, columns, strict=True)]
    return next((n for n, is_empty in enumerate(reversed(are_empty)) if not is_empty), 0)


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


def _count_units(values: list[list[str]]) -> int:
    """Return how many rows right below the names have words in columns of numbers, as units or ways of measuring."""
    for n_units in (3, 2, 1):
        others = [row for row in values[1 + n_units :] if len(row) == len(values[0])]
        units = values[1 : 1 + n_units]
        if len(others) < 2 or any(len(row) != len(values[0]) or _has_values(row) for row in units):
            continue
        numeric = [_is_like(column, is_number=True) for column in zip(*others, strict=True)]
        if all(_are_units(row, numeric) for row in units):
            return n_units
    return 0


def _has_values(row: list[str]) -> bool:
    return any(_NUMBER.fullmatch(cell.strip()) or cell.strip() in {"?", "NA", "NaN"} for cell in row)


def _are_units(row: list[str], numeric: list[bool]) -> bool:
    """Return whether a row has words, or nothing, in two or more columns of numbers; one will do if it has a mark."""
    words = [cell for cell, is_numeric in zip(row, numeric, strict=True) if is_numeric and cell.strip()]
    is_marked = len(words) == sum(map(bool, row)) and any(_UNIT_MARK.search(word) for word in words)
    return len(words) >= 2 or is_marked
