"""The ways to count times: whole numbers, months, days of some weekdays, seconds that pass or that a clock shows."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import MICROSECONDS_PER_SECOND, SECONDS_PER_DAY, Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.clocks import daily_clock
from relight.prepare.time_axis.months import find_month_day, month_numbers, series_days
from relight.prepare.time_axis.weekdays import count_weekdays, days_since_1970, find_weekdays

MAX_NUMBER = 2**62  # differences of such numbers are int64
_SECOND = Frequency(unit="second", every=1)


class SeriesTimes(NamedTuple):
    """The times of all series, ascending within each.

    Attributes:
        times: Float64, or Datetime with or without a zone.
        series: a code for each row, int (n_rows,), rows of a series together.
        names: of the series, by code; empty if there is one series without a name.
        written: the times as the file has them, for messages.
        is_utc: whether times without a zone are known to be in UTC.
    """

    times: pl.Series
    series: np.ndarray
    names: tuple[str, ...] = ()
    written: pl.Series | None = None
    is_utc: bool = False

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


class TimeSteps(NamedTuple):
    """Times on a regular grid.

    Attributes:
        step_numbers: int64 (n_rows,): the number of whole steps of each time since the first one of all.
    """

    step_numbers: np.ndarray
    frequency: Frequency


class Axis(NamedTuple):
    """Times as whole numbers of a unit; `frequency` is complete but for the length of a step."""

    counts: np.ndarray
    frequency: Frequency


def steps_on(axis: Axis, every: int) -> TimeSteps:
    """Return whole steps of a length, counted from the first time."""
    numbers = (axis.counts - axis.counts.min()) // every
    length = every if axis.frequency.weekdays is None else SECONDS_PER_DAY
    return TimeSteps(numbers, axis.frequency.model_copy(update={"every": length}))


def usual_step(counts: np.ndarray, same_series: np.ndarray) -> int:
    """Return the most frequent difference within the series; 1 if no series has two rows."""
    differences, n_times = np.unique(np.diff(counts)[same_series], return_counts=True)
    return int(differences[n_times.argmax()]) if len(differences) else 1


def off_grid(counts: np.ndarray, every: int, series: np.ndarray) -> np.ndarray:
    """Return the rows that are not a whole number of steps away from most rows of their series."""
    rows = pl.DataFrame({"remainder": counts % every, "series": series})
    usual = rows.select(pl.col("remainder").mode().min().over("series"))["remainder"].to_numpy()
    return np.flatnonzero(rows["remainder"].to_numpy() != usual)


def is_on_grid(counts: np.ndarray, every: int, rows: SeriesTimes) -> bool:
    """Return whether all rows are whole steps apart within their series."""
    return not len(off_grid(counts, every, rows.series))


def axes(rows: SeriesTimes) -> Iterator[Axis]:
    """Yield the ways to count the times, from the first to try to the last."""
    times, same_series = rows.times, rows.same_series
    if times.dtype == pl.Float64:
        yield numbers(times)
        return
    local = wall_clock(times)
    by_month = rises_by_months(local, same_series)
    month_end = bool((local.dt.month_end() == local).all())
    on_one_day = local.dt.day().n_unique() == 1 and local.dt.time().n_unique() == 1
    if (month_end or on_one_day) and by_month:
        yield Axis(month_numbers(local), Frequency(unit="month", every=1, month_end=month_end))
        return
    seconds = seconds_axis(times)
    if (weekdays := _weekdays(times, seconds, rows)) is not None:
        yield weekdays
    yield seconds
    if by_month and (in_months := _months(local, rows.series)) is not None:
        yield in_months
    if zone_of(times) is not None and not seconds.frequency.on_clock:
        yield clock_seconds(local)


def rises_by_months(local: pl.Series, same_series: np.ndarray) -> bool:
    """Return whether no series has two rows in a month, and some series has two rows."""
    return bool(same_series.any()) and bool((np.diff(month_numbers(local))[same_series] > 0).all())


def numbers(times: pl.Series) -> Axis:
    """Count whole numbers.

    Raises:
        ColumnError: for another number.
    """
    for wrong, what in ((times != times.round(), "whole numbers"), (times.abs() > MAX_NUMBER, "numbers below 2**62")):
        if bool(wrong.any()):
            raise ColumnError(f"must be dates or {what}, got {times.filter(wrong)[0]:g}")
    return Axis(times.cast(pl.Int64).to_numpy(), Frequency(unit="number", every=1))


def seconds_axis(times: pl.Series) -> Axis:
    """Count the seconds of the clock if all times are at one time of the day, else those that have passed."""
    daily = daily_clock(times) if zone_of(times) is not None else None
    return clock_seconds(daily) if daily is not None else Axis(whole_seconds(times), _SECOND)


def clock_seconds(local: pl.Series) -> Axis:
    """Count the seconds of a clock, on which each day has 24 hours."""
    return Axis(whole_seconds(local), _SECOND.model_copy(update={"on_clock": True}))


def whole_seconds(times: pl.Series) -> np.ndarray:
    """Return seconds since 1970, int64 (n_rows,).

    Raises:
        ColumnError: for a part of a second.
    """
    microseconds = times.to_physical()
    parts = microseconds % MICROSECONDS_PER_SECOND != 0
    if bool(parts.any()):
        raise ColumnError(f"must be on whole seconds, got '{times.filter(parts)[0]}'; round the times")
    return (microseconds // MICROSECONDS_PER_SECOND).to_numpy()


def _weekdays(times: pl.Series, seconds: Axis, rows: SeriesTimes) -> Axis | None:
    """Count the days that have rows, if the others are days of the week on which there are none."""
    every = usual_step(seconds.counts, rows.same_series)
    if daily_clock(times) is None or (every != SECONDS_PER_DAY and is_on_grid(seconds.counts, every, rows)):
        return None
    days = days_since_1970(seconds.counts)
    weekdays = find_weekdays(days, rows.series)
    counts = None if weekdays is None else count_weekdays(days, weekdays)
    if counts is None or usual_step(counts, rows.same_series) != 1:
        return None
    on_clock = zone_of(times) is not None
    frequency = Frequency(unit="second", every=SECONDS_PER_DAY, weekdays=weekdays, on_clock=on_clock)
    return Axis(counts, frequency)


def _months(local: pl.Series, series: np.ndarray) -> Axis | None:
    found, rule = find_month_day(local, series_days(local, series))
    one_time = local.dt.time().n_unique() == 1
    return Axis(month_numbers(local), Frequency(unit="month", every=1, month_day=rule)) if found and one_time else None
