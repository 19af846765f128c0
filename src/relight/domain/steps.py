"""A clean table whose rows make sequences → its steps, and a row for each sequence."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.params.sequence import SequenceParams


class Steps(NamedTuple):
    """
    Attributes:
        rows: a row for each step, sequence after sequence.
        sequences: a row for each sequence: of its first step, whose target and part are those of all.
        place: int64, (n_steps,), of each step's sequence.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    place: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Steps of each sequence, int64, (n_sequences,)."""
        return np.bincount(self.place, minlength=self.sequences.height).astype(np.int64)


def steps_of(table: pl.DataFrame, sequence: SequenceParams) -> Steps:
    """
    Args:
        table: as prepare wrote it: the rows of a sequence stand together.
    """
    if sequence.symbols is not None:
        return _characters(table, sequence.symbols)
    ids = table[str(sequence.id)]
    starts = (ids != ids.shift()).fill_null(value=True).to_numpy()
    return Steps(table, table.filter(starts), np.cumsum(starts, dtype=np.int64) - 1)


def _characters(table: pl.DataFrame, symbols: str) -> Steps:
    characters = table[symbols].cast(pl.String).str.split("")
    place = np.repeat(np.arange(table.height), characters.list.len().to_numpy())
    return Steps(characters.explode().to_frame(), table, place)
