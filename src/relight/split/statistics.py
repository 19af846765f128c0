"""Moments and sampled quantiles from one pass over the train rows, the same bytes in every run.

NumPy sums over fixed chunks of rows are the same; the float sums of a parallel engine differ from run to run. The
sample of the quantiles depends only on the number of rows and columns.
"""

from typing import NamedTuple, Self

import numpy as np

from relight.data.features import TargetStatistics

MAX_SAMPLE_ROWS = 262_144
MIN_SAMPLE_ROWS = 20_000
MAX_SAMPLE_NUMBERS = 2**25  # float32: 128 MB for all columns together
MAX_QUANTILE_LEVELS = 1001
SAMPLE_SEED = 0
CHUNK_ROWS = 262_144


class RowSample:
    """A sample of the rows of a part, which pass once, in order.

    Attributes:
        values: float32, shape (n_columns, n_sampled).
    """

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self._indices = sample_indices(n_columns, n_rows)
        self._n_rows = self._n_sampled = 0
        self.values = np.empty((n_columns, len(self._indices)), dtype=np.float32)

    def add(self, columns: np.ndarray) -> None:
        """Add the next rows, shape (n_columns, n)."""
        first_row, self._n_rows = self._n_rows, self._n_rows + columns.shape[1]
        end = int(np.searchsorted(self._indices, self._n_rows))
        indices = self._indices[self._n_sampled : end] - first_row
        self.values[:, self._n_sampled : end] = np.take(columns, indices, axis=1)
        self._n_sampled = end


def sample_indices(n_columns: int, n_rows: int) -> np.ndarray:
    """Return the sampled rows in ascending order: all of them, or as many as fit in memory."""
    n_sampled = max(MIN_SAMPLE_ROWS, min(MAX_SAMPLE_ROWS, MAX_SAMPLE_NUMBERS // max(n_columns, 1)))
    if n_rows <= n_sampled:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(SAMPLE_SEED).choice(n_rows, n_sampled, replace=False))


def empirical_quantiles(values: np.ndarray, low: float, high: float) -> list[float]:
    """Return the quantiles at evenly spaced levels from 0 to 1, at most 1001, each a value that occurs (the nearest).

    Args:
        values: float32, shape (n,), NaN for gaps.
        low, high: the extremes of all rows, which are the quantiles if the sample has no value.
    """
    ordered = np.sort(values[~np.isnan(values)]) + np.float32(0)  # no -0.0: its order among zeros is arbitrary
    if not len(ordered):
        return sorted({low, high})
    n_levels = min(MAX_QUANTILE_LEVELS, len(ordered))
    steps = max(n_levels - 1, 1)
    nearest = (np.arange(n_levels) * (len(ordered) - 1) + steps // 2) // steps
    return [float(value) for value in ordered[nearest]]


class RunningStatistics(NamedTuple):
    """The number, the moments and the extremes of values; gaps do not count.

    Attributes:
        m2, m3: the sums of (value - mean)² and (value - mean)³.
        low, high: inf and -inf if there is no value.
    """

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    @property
    def std(self) -> float:
        """The standard deviation of the population."""
        return float(np.sqrt(self.m2 / self.n)) if self.n else 0.0

    @property
    def skew(self) -> float:
        """The skewness of the population: above 0 for a long tail of large values; 0 for a constant."""
        return self.m3 / self.n / self.std**3 if self.m2 else 0.0

    def merge(self, other: Self) -> Self:
        """Return the statistics of both sets of rows together.

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
    """Return the statistics of one chunk, float32 or float64 (n,), NaN for gaps; summed in float64."""
    gaps = np.isnan(values)
    present = (values[~gaps] if gaps.any() else values).astype(np.float64)
    if not len(present):
        return RunningStatistics()
    low, high = float(present.min()) + 0.0, float(present.max()) + 0.0  # + 0.0 turns -0.0 into 0.0: either may be found
    mean = float(present.sum()) / len(present)
    present -= mean
    squares = present * present
    present *= squares
    return RunningStatistics(len(present), mean, float(squares.sum()), float(present.sum()), low, high)


class RunningTargetStatistics(NamedTuple):
    """Statistics of a quantity minus its offset, and of its logarithm as long as every value is above 0."""

    plain: RunningStatistics = RunningStatistics()
    log: RunningStatistics | None = RunningStatistics()
    offset: float = 0.0

    def add(self, values: np.ndarray) -> Self:
        """Return the statistics with these values, float32 (n,) without the offset, added."""
        plain = self.plain.merge(chunk_statistics(values))
        if self.log is None or plain.low + self.offset <= 0:
            return self._replace(plain=plain, log=None)
        logs = np.log(values.astype(np.float64) + self.offset)
        return self._replace(plain=plain, log=self.log.merge(chunk_statistics(logs)))

    def statistics(self) -> TargetStatistics:
        """Return the moments."""
        plain, log = self.plain, self.log
        return TargetStatistics(
            mean=plain.mean,
            std=plain.std,
            skew=plain.skew,
            log_mean=None if log is None else log.mean,
            log_std=None if log is None else log.std,
            log_skew=None if log is None else log.skew,
            offset=self.offset,
        )
