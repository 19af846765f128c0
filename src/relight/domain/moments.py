"""The numbers of a date: what a model can read of it."""

import numpy as np
import polars as pl

from relight.domain.features import Moment

SINCE = 946_684_800_000_000  # 2000-01-01 in microseconds of 1970: near enough that float32 keeps the minutes
DAY = 86_400_000_000  # microseconds


def number_of(times: pl.Series, moment: Moment) -> np.ndarray:
    """One number of each time, float64 (n,), NaN for gaps.

    `weekday` is 1 for Monday to 7; `elapsed` are days since 2000-01-01, with fractions.
    """
    match moment:
        case "year":
            numbers = times.dt.year()
        case "month":
            numbers = times.dt.month()
        case "weekday":
            numbers = times.dt.weekday()
        case "hour":
            numbers = times.dt.hour()
        case "elapsed":
            numbers = (_microseconds(times) - SINCE).cast(pl.Float64) / DAY
    return numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def have_hours(times: pl.Series) -> bool:
    """Whether some time is other than midnight."""
    return bool((_microseconds(times) % DAY != 0).any())


def _microseconds(times: pl.Series) -> pl.Series:
    return times.cast(pl.Datetime("us")).to_physical()
