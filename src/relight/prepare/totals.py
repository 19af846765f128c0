"""A last row of totals, as spreadsheets have it: it is no row of the table, and outweighs all of them."""

from typing import Any

import polars as pl
import polars.selectors as cs

from relight.runtime.messages import abbreviate

MIN_ROWS = 10  # of fewer rows, the last one may be the sum of the others by chance
_TOLERANCE = 1e-9  # relative: the order of a sum changes its last bits
_WORDS = (
    "total", "totals", "grand total", "sum", "sums", "subtotal", "average", "mean", "summe", "gesamt", "gesamtsumme",
    "insgesamt", "somme", "suma", "totale", "totaal", "итого", "合计", "总计", "總計", "合計",
)  # fmt: skip


class LastRow:
    """Sums the numbers of a table, chunk by chunk, to compare its last row with them."""

    def __init__(self) -> None:
        self._n_rows = 0
        self._sums: dict[str, float] = {}
        self._last = pl.DataFrame()
        self._has_word = False

    def add(self, table: pl.DataFrame) -> None:
        """Add a chunk of clean rows; the columns are the same each time."""
        self._n_rows += table.height
        for name, total in _first_row(table.select(cs.numeric().sum())).items():
            self._sums[name] = self._sums.get(name, 0.0) + float(total)
        self._last = table.tail(1)
        self._has_word = bool(self._names()) and self._n_words(table) == 1

    def problem(self) -> str | None:
        """Return that the last row holds totals, which follows the name of the table; None if it is like the others."""
        if self._n_rows < MIN_ROWS:
            return None
        present = {name: float(value) for name, value in self._numbers().items() if value is not None}
        sums = [name for name, value in present.items() if value and self._is_sum(name, value)]
        if sums and 2 * len(sums) >= len(present):
            return f"row {self._n_rows}, the last one, holds the sums of the others ({abbreviate(sums)}); delete it"
        if self._has_word:
            return f"row {self._n_rows}, the last one, is called a total ({abbreviate(self._names())}); delete it"
        return None

    def _numbers(self) -> dict[str, float | None]:
        return _first_row(self._last.select(cs.numeric()))

    def _is_sum(self, name: str, value: float) -> bool:
        return abs(self._sums[name] - 2 * value) <= _TOLERANCE * abs(value)

    def _names(self) -> list[str]:
        values = _first_row(self._last.select(cs.string()))
        return [f"'{value}'" for value in values.values() if value is not None and value.lower() in _WORDS]

    def _n_words(self, table: pl.DataFrame) -> int:
        return sum(int(column.str.to_lowercase().is_in(_WORDS).sum() or 0) for column in table.select(cs.string()))


def _first_row(table: pl.DataFrame) -> dict[str, Any]:
    return table.row(0, named=True) if table.width else {}
