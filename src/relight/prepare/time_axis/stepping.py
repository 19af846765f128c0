"""The times that follow each other on a grid: n steps after another time, or after the last row of a series."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import MICROSECONDS_PER_SECOND, SECONDS_PER_DAY, Frequency
from relight.prepare.time_axis.clocks import on_zone
from relight.prepare.time_axis.months import LAST_DAY, day_of_series, days_in_months, month_numbers, series_days
from relight.prepare.time_axis.weekdays import DAYS_TO_MONDAY, days_of_counts

_MICROSECONDS_PER_DAY = SECONDS_PER_DAY * MICROSECONDS_PER_SECOND


class Anchors(NamedTuple):
    """Times from which steps are counted.

    Attributes:
        begin: Float64 or Datetime, with or without a zone, (n,).
        days: the day of the month of each one's series, as `series_days` returns it; only months read it.
    """

    begin: pl.Series
    days: np.ndarray

    def gather(self, rows: np.ndarray) -> "Anchors":
        """Return some of them, by their rows."""
        return Anchors(self.begin.gather(rows), self.days[rows])


def times_after(times: pl.Series, n_steps: int, frequency: Frequency) -> pl.Series:
    """Return the times that follow the last one of a series.

    Args:
        times: of the series, ascending.
    """
    day = day_of_series(wall_clock(times)) if frequency.unit == "month" else LAST_DAY
    begin = Anchors(times.tail(1).new_from_index(0, n_steps), np.full(n_steps, day))
    return step_times(begin, np.arange(1, n_steps + 1), frequency)


def anchors_of(times: pl.Series, series: np.ndarray, frequency: Frequency) -> Anchors:
    """Return each row as an anchor.

    Args:
        series: a code for each row.
    """
    return Anchors(times, _days(times, series, frequency))


def step_times(anchors: Anchors, n_steps: np.ndarray, frequency: Frequency) -> pl.Series:
    """Return the times that lie a number of steps after others, (n,); the steps may be negative."""
    begin = anchors.begin
    if frequency.unit == "number":
        return pl.Series((n_steps * frequency.every + begin.to_numpy()).astype(np.float64))
    if frequency.unit == "month":
        return _months_after(anchors, n_steps, frequency)
    if frequency.weekdays is not None:
        return _weekdays_after(begin, n_steps, frequency.weekdays)
    by = pl.Series(n_steps * frequency.every * MICROSECONDS_PER_SECOND).cast(pl.Duration("us"))
    return on_zone(wall_clock(begin) + by, zone_of(begin)) if frequency.on_clock else begin + by


def _days(times: pl.Series, series: np.ndarray, frequency: Frequency) -> np.ndarray:
    is_month = frequency.unit == "month" and not frequency.month_end
    return series_days(wall_clock(times), series) if is_month else np.full(len(times), LAST_DAY)


def _months_after(anchors: Anchors, n_steps: np.ndarray, frequency: Frequency) -> pl.Series:
    local = wall_clock(anchors.begin)
    months = month_numbers(local) + n_steps * frequency.every
    dates = days_in_months(months, frequency.month_day, anchors.days)
    return _at_same_time(anchors.begin, dates.astype(np.int64))


def _weekdays_after(begin: pl.Series, n_steps: np.ndarray, weekdays: tuple[int, ...]) -> pl.Series:
    """Count on from the day of each time, or from the last day before it that counts."""
    weeks, position = np.divmod(_days_since_1970(begin) + DAYS_TO_MONDAY, 7)
    rank = np.searchsorted(np.array(weekdays) - 1, position, side="right") - 1
    return _at_same_time(begin, days_of_counts(weeks * len(weekdays) + rank + n_steps, weekdays))


def _days_since_1970(times: pl.Series) -> np.ndarray:
    days: np.ndarray = wall_clock(times).to_physical().to_numpy() // _MICROSECONDS_PER_DAY
    return days


def _at_same_time(begin: pl.Series, days: np.ndarray) -> pl.Series:
    """Return days, in days since 1970, at the time of the day of others."""
    time_of_day = wall_clock(begin).to_physical().to_numpy() % _MICROSECONDS_PER_DAY
    local = pl.Series(days * _MICROSECONDS_PER_DAY + time_of_day).cast(pl.Datetime("us"))
    return on_zone(local, zone_of(begin))
