"""The times of all series, as rows."""

from typing import NamedTuple

import numpy as np
import polars as pl


class SeriesTimes(NamedTuple):
    """The times of all series, ascending within each.

    Attributes:
        times: Float64, or Datetime with or without a zone.
        series: a code for each row, int (n_rows,), rows of a series together.
        names: of the series, by code; empty if there is one series without a name.
        written: the times as the file has them, for messages.
    """

    times: pl.Series
    series: np.ndarray
    names: tuple[str, ...] = ()
    written: pl.Series | None = None

    @property
    def same_series(self) -> np.ndarray:
        """Return for each row but the first whether it is of the same series as the one before, bool (n_rows - 1,)."""
        same: np.ndarray = self.series[1:] == self.series[:-1]
        return same

    def show(self, row: int) -> str:
        """Return a time as the file has it."""
        return f"'{self.times[row] if self.written is None else self.written[row]}'"

    def show_series(self, row: int) -> str:
        """Return the name of a row's series, to follow "a time"; nothing if there is one series."""
        return f" of series '{self.names[int(self.series[row])]}'" if len(self.names) > 1 else ""
