"""Tables of plain texts: gaps as nulls, numbers as 1234.5, however the source writes them.

What the first rows say holds to the last one, stands in schema.json, and is taken first for new rows.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relight.data.text_format import TextFormat
from relight.errors import InputError
from relight.prepare.csv.reader import ColumnTypes
from relight.prepare.frames import TableHead
from relight.prepare.own_reader import OwnTable
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.plain.columns import with_gaps, with_numbers
from relight.prepare.plain.formats import FoundFormat, find_format
from relight.prepare.source import SourceTable, open_source

MAX_ROWS = 2**62  # of a table that is read as a whole


class PlainTable:
    """A source whose rows come plain, once `head` has found how its texts are written.

    Attributes:
        found: what the first rows say.
    """

    def __init__(self, source: SourceTable | OwnTable, params: PrepareParams) -> None:
        self._source, self._params = source, params
        self.found = FoundFormat(TextFormat(), [])

    @property
    def n_bytes(self) -> int:
        """The size on the disk."""
        return self._source.n_bytes

    @property
    def is_own(self) -> bool:
        """Return whether a reader of the user's own makes the rows."""
        return isinstance(self._source, OwnTable)

    @property
    def is_packed(self) -> bool:
        """Return whether the size on the disk says little about that in memory."""
        return isinstance(self._source, SourceTable) and self._source.is_packed

    def head(self, n_rows: int, n_bytes: int | None = None) -> TableHead:
        """Return the first rows, as `SourceTable.head`, and find out how the texts are written.

        Raises:
            InputError: with all columns whose values could be read in two ways.
        """
        first = self._source.head(n_rows, n_bytes)
        dialects = self._source.dialects.values() if isinstance(self._source, SourceTable) else ()
        blank = gaps_plain(first.rows, self._params.csv.missing)
        self.found = find_format(first, blank, self._params, next(iter(dialects), None))
        return first._replace(rows=numbers_plain(blank, self.found.format))

    def frames(self, types: ColumnTypes) -> Iterator[pl.DataFrame]:
        """Yield all rows, as `SourceTable.frames`."""
        plain = {name: dtype for name, dtype in types.items() if name not in self.found.format.numbers}
        return (plain_frame(frame, self.found.format) for frame in self._source.frames(plain))


class PlainRows(NamedTuple):
    """All rows of a table, and how its texts are written."""

    rows: pl.DataFrame
    found: FoundFormat


def open_plain(params: PrepareParams, source: Path) -> PlainTable | LineParams:
    """Return a table that is not read yet, or the description of a generated one.

    Raises:
        InputError: with all that keeps it from being read.
    """
    content = open_source(source, params.reader, params.csv)
    return content if isinstance(content, LineParams) else PlainTable(content, params)


def read_plain(params: PrepareParams, source: Path) -> PlainRows:
    """Return all rows of a table at once.

    Raises:
        InputError: with all that keeps it from being read; for the description of a generated line.
    """
    content = open_plain(params, source)
    if isinstance(content, LineParams):
        raise InputError(
            f"{source}: must be a table for pairs, sequences and forecasts, got the description of a generated line"
        )
    first = content.head(MAX_ROWS)
    return PlainRows(first.rows, content.found)


def plain_frame(frame: pl.DataFrame, form: TextFormat) -> pl.DataFrame:
    """Return rows with plain texts; other types stay."""
    return numbers_plain(gaps_plain(frame, form.requested.missing), form)


def gaps_plain(frame: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    """Return rows with nulls for gaps."""
    return frame.with_columns(with_gaps(column, words) for column in frame)


def numbers_plain(frame: pl.DataFrame, form: TextFormat) -> pl.DataFrame:
    """Return rows without gaps whose numbers are written as 1234.5."""
    return frame.with_columns(with_numbers(frame[name], form.numbers[name]) for name in form.numbers if name in frame)
