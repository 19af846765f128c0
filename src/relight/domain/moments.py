"""The numbers of a date: what a model can read of it."""

from collections.abc import Callable

import numpy as np
import polars as pl

from relight.domain.features import Moment

SINCE = 946_684_800_000_000  # 2000-01-01 in microseconds of 1970: near enough that float32 keeps the minutes
DAY = 86_400_000_000  # microseconds
HOUR = 3_600_000_000


def number_of(times: pl.Series, moment: Moment) -> np.ndarray:
    """One number of each time, float64 (n,), NaN for gaps.

    `weekday` is 1 for Monday to 7; `elapsed` are days since 2000-01-01, with fractions.
    """
    numbers = _number(_microseconds(times).fill_null(SINCE).to_numpy(), moment).astype(np.float64)
    if times.null_count():
        numbers[times.is_null().to_numpy()] = np.nan
    return numbers


def have_hours(times: pl.Series) -> bool:
    """Whether some time is other than midnight."""
    return bool((_microseconds(times).drop_nulls().to_numpy() % DAY).any())


def _number(microseconds: np.ndarray, moment: Moment) -> np.ndarray:
    match moment:
        case "year":
            return _of_days(microseconds, lambda days: days.dt.year())
        case "month":
            return _of_days(microseconds, lambda days: days.dt.month())
        case "weekday":
            return _of_days(microseconds, lambda days: days.dt.weekday())
        case "hour":
            return microseconds % DAY // HOUR
        case "elapsed":
            return (microseconds - SINCE) / DAY


def _of_days(microseconds: np.ndarray, number: Callable[[pl.Series], pl.Series]) -> np.ndarray:
    """Asks the calendar once for each day of the range where that is less often than once for each row."""
    days = (microseconds // DAY).astype(np.int32)
    first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    if last - first >= len(days):
        return number(pl.Series(days).cast(pl.Date)).to_numpy()
    calendar = np.arange(first, last + 1, dtype=np.int32)
    return np.take(number(pl.Series(calendar).cast(pl.Date)).to_numpy(), days - first)


def _microseconds(times: pl.Series) -> pl.Series:
    return times.cast(pl.Datetime("us")).to_physical()
