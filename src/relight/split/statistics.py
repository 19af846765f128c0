"""One-pass moments and sampled quantiles.

Quantiles of the train rows, from a sample that is drawn by their places alone.

Statistics that are the same bytes in every run, from one pass over a table.

NumPy sums over fixed chunks of rows are; the float sums of a parallel engine differ from run to run.
"""

from typing import NamedTuple, Self

import numpy as np

from relight.data.features import TargetStatistics

MAX_SAMPLE_ROWS = 262_144
MIN_SAMPLE_ROWS = 20_000
MAX_SAMPLE_NUMBERS = 2**25  # float32, so 128 MB for all columns together
MAX_QUANTILE_LEVELS = 1001
SAMPLE_SEED = 0
CHUNK_ROWS = 262_144


class RowSample:
    """Some rows of a part, kept while its rows pass by once, in order.

    Attributes:
        values: float32, shape (n_columns, n_sampled).
    """

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self._places = sample_indices(n_columns, n_rows)
        self._passed = self._kept = 0
        self.values = np.empty((n_columns, len(self._places)), dtype=np.float32)

    def add(self, columns: np.ndarray) -> None:
        """The next rows, shape (n_columns, n)."""
        self._passed += columns.shape[1]
        end = int(np.searchsorted(self._places, self._passed))
        indices = self._places[self._kept : end] - (self._passed - columns.shape[1])
        self.values[:, self._kept : end] = np.take(columns, indices, axis=1)
        self._kept = end


def sample_indices(n_columns: int, n_rows: int) -> np.ndarray:
    """The places of the sampled rows in ascending order: all of them, or so many that they fit in memory."""
    fits = max(MIN_SAMPLE_ROWS, min(MAX_SAMPLE_ROWS, MAX_SAMPLE_NUMBERS // max(n_columns, 1)))
    if n_rows <= fits:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(n_rows, fits, replace=False))


def empirical_quantiles(values: np.ndarray, low: float, high: float) -> list[float]:
    """At evenly spaced levels from 0 to 1, at most 1001, each a value that occurs (the nearest one in order).

    Args:
        values: float32, shape (n,), NaN for gaps.
        low, high: of all rows. They stand in where the sample has no value: some row has one.
    """
    ordered = np.sort(values[~np.isnan(values)]) + np.float32(0)  # no -0.0: its place among zeros is chance
    if not len(ordered):
        return sorted({low, high})
    n_levels = min(MAX_QUANTILE_LEVELS, len(ordered))
    steps = max(n_levels - 1, 1)
    nearest = (np.arange(n_levels) * (len(ordered) - 1) + steps // 2) // steps
    return [float(value) for value in ordered[nearest]]


class RunningStatistics(NamedTuple):
    """Of the values that are there; gaps do not count.

    Attributes:
        second, third: the sums of (value - mean)² and (value - mean)³.
        low, high: infinite, and the wrong way round, where there is no value.
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    @property
    def std(self) -> float:
        """The population's."""
        return float(np.sqrt(self.m2 / self.n)) if self.n else 0.0

    @property
    def skew(self) -> float:
        """The population's: 0 for a symmetric column, above 0 for a long tail of large values; 0 for a constant."""
        return self.m3 / self.n / self.std**3 if self.m2 else 0.0

    def merge(self, other: Self) -> Self:
        """Of both sets of rows together.

        Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979;
        the third sum: Pébay, Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments, 2008, equation 1.3.
        """
        if not self.n or not other.n:
            return self if self.n else other
        n, delta = self.n + other.n, other.mean - self.mean
        share, rest = other.n / n, self.n / n
        third = delta**3 * self.n * share * (rest - share) + 3 * delta * (rest * other.m2 - share * self.m2)
        return self._replace(
            n=n,
            mean=self.mean + delta * share,
            m2=self.m2 + other.m2 + delta**2 * self.n * share,
            m3=self.m3 + other.m3 + third,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )


def chunk_statistics(values: np.ndarray) -> RunningStatistics:
    """Of one chunk: float32 or float64, shape (n,), NaN for gaps; summed in float64."""
    gaps = np.isnan(values)
    present = (values[~gaps] if gaps.any() else values).astype(np.float64)
    if not len(present):
        return RunningStatistics()
    low, high = float(present.min()) + 0.0, float(present.max()) + 0.0  # Of -0.0 and 0.0 either may be found: 0.0 then
    mean = float(present.sum()) / len(present)
    present -= mean
    squares = present * present
    present *= squares
    return RunningStatistics(len(present), mean, float(squares.sum()), float(present.sum()), low, high)


class RunningTargetStatistics(NamedTuple):
    """Of a quantity, and of its logarithm as long as every value is above 0."""

    plain: RunningStatistics = RunningStatistics()
    log: RunningStatistics | None = RunningStatistics()

    def add(self, values: np.ndarray) -> Self:
        plain = self.plain.merge(chunk_statistics(values))
        if self.log is None or plain.low <= 0:
            return self._replace(plain=plain, log=None)
        return self._replace(plain=plain, log=self.log.merge(chunk_statistics(np.log(values.astype(np.float64)))))

    def statistics(self) -> TargetStatistics:
        plain, logged = self.plain, self.log
        return TargetStatistics(
            mean=plain.mean,
            std=plain.std,
            skew=plain.skew,
            log_mean=None if logged is None else logged.mean,
            log_std=None if logged is None else logged.std,
            log_skew=None if logged is None else logged.skew,
        )
