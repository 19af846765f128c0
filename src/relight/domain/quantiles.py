"""Quantiles of the train rows, from a sample that is drawn by their places alone."""

import numpy as np

MOST_ROWS = 262_144
FEWEST_ROWS = 20_000
MOST_NUMBERS = 2**25  # float32, so 128 MB for all columns together
LEVELS = 1001
SEED = 0


class Sample:
    """Some rows of a part, kept while its rows pass by once, in order.

    Attributes:
        values: float32, shape (n_columns, n_sampled).
    """

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self._places = sample_places(n_columns, n_rows)
        self._passed = self._kept = 0
        self.values = np.empty((n_columns, len(self._places)), dtype=np.float32)

    def add(self, columns: np.ndarray) -> None:
        """The next rows, shape (n_columns, n)."""
        self._passed += columns.shape[1]
        end = int(np.searchsorted(self._places, self._passed))
        places = self._places[self._kept : end] - (self._passed - columns.shape[1])
        self.values[:, self._kept : end] = np.take(columns, places, axis=1)
        self._kept = end


def sample_places(n_columns: int, n_rows: int) -> np.ndarray:
    """The places of the sampled rows in ascending order: all of them, or so many that they fit in memory."""
    fits = max(FEWEST_ROWS, min(MOST_ROWS, MOST_NUMBERS // max(n_columns, 1)))
    if n_rows <= fits:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(SEED).choice(n_rows, fits, replace=False))


def quantiles_of(values: np.ndarray, low: float, high: float) -> list[float]:
    """At evenly spaced levels from 0 to 1, at most 1001, each a value that occurs (the nearest one in order).

    Args:
        values: float32, shape (n,), NaN for gaps.
        low, high: of all rows. They stand in where the sample has no value: some row has one.
    """
    ordered = np.sort(values[~np.isnan(values)]) + np.float32(0)  # no -0.0: its place among zeros is chance
    if not len(ordered):
        return sorted({low, high})
    n_levels = min(LEVELS, len(ordered))
    steps = max(n_levels - 1, 1)
    nearest = (np.arange(n_levels) * (len(ordered) - 1) + steps // 2) // steps
    return [float(value) for value in ordered[nearest]]
