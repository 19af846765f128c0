"""Times → numbers of steps on a regular grid. The series share the length of a step; each may begin anywhere in one."""

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import WEEKDAY_NAMES, Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import (
    Axis,
    SeriesTimes,
    TimeSteps,
    axes,
    is_on_grid,
    numbers,
    off_grid,
    rises_by_months,
    seconds_axis,
    steps_on,
    usual_step,
    whole_seconds,
)
from relight.prepare.time_axis.clocks import clock_change_zone, daily_clock, midnight_zone
from relight.prepare.time_axis.frequencies import ADVICE, assert_one_frequency
from relight.prepare.time_axis.months import find_month_day, follows, month_numbers, series_days
from relight.prepare.time_axis.weekdays import DAYS_TO_MONDAY, count_weekdays, days_since_1970
from relight.runtime.messages import pluralize


def find_time_steps(rows: SeriesTimes, known: Frequency | None = None) -> TimeSteps:
    """Find the grid of the times: its step is the most frequent difference within the series.

    Args:
        known: the frequency that they should have, because they follow others; they may be too few to tell.

    Raises:
        ColumnError: for times that occur twice, are between the steps of the grid, or have two frequencies.
    """
    _refuse_duplicates(rows, is_new=known is not None)
    if known is not None and (as_known := _on_known(rows, known)) is not None:
        return as_known
    ways = list(axes(rows))
    for axis in ways:
        every = usual_step(axis.counts, rows.same_series)
        if not len(off_grid(axis.counts, every, rows.series)):
            steps = steps_on(axis, every)
            assert_one_frequency(steps.step_numbers, steps.frequency, rows)
            return steps
    raise _off_grid_error(ways[0], rows)


def _on_known(rows: SeriesTimes, known: Frequency) -> TimeSteps | None:
    """Return the steps on a known grid; None if the rows do not lie on it, or no two of them are one step apart."""
    axis = _known_axis(rows, known)
    if axis is None:
        return None
    every = known.every if known.weekdays is None else 1
    differences = np.diff(axis.counts)[rows.same_series]
    if not is_on_grid(axis.counts, every, rows) or (len(differences) and not bool((differences == every).any())):
        return None
    return steps_on(axis, every)


def _known_axis(rows: SeriesTimes, known: Frequency) -> Axis | None:
    times = rows.times
    if (times.dtype == pl.Float64) != (known.unit == "number"):
        return None
    if known.unit == "number":
        return numbers(times)
    local = wall_clock(times)
    if known.unit == "month":
        return _known_months(local, rows, known)
    if known.weekdays is None:
        return seconds_axis(times)
    daily = daily_clock(times)
    if daily is not None:
        _refuse_other_weekdays(rows, days_since_1970(whole_seconds(daily)), known)
    counts = None if daily is None else count_weekdays(days_since_1970(whole_seconds(daily)), known.weekdays)
    return None if counts is None else Axis(counts, known.model_copy(update={"on_clock": zone_of(times) is not None}))


def _refuse_other_weekdays(rows: SeriesTimes, days: np.ndarray, known: Frequency) -> None:
    """Refuse a Saturday in rows that follow business days; rows that are not a day apart are told otherwise."""
    assert known.weekdays is not None
    other = np.flatnonzero(~np.isin((days + DAYS_TO_MONDAY) % 7 + 1, known.weekdays))
    if len(other) and bool((np.diff(days)[rows.same_series] == 1).any()):
        first = int(other[0])
        raise ColumnError(
            f"must have steps of {known}, as in training, got {rows.show(first)}{rows.show_series(first)}, a "
            f"{WEEKDAY_NAMES[(int(days[first]) + DAYS_TO_MONDAY) % 7]} ({pluralize(len(other), 'such row')}); drop "
            "these rows, or train with rows on all days"
        )


def _known_months(local: pl.Series, rows: SeriesTimes, known: Frequency) -> Axis | None:
    """Count months; the day within them is the known one, or another that the rows have."""
    if rows.same_series.any() and not rises_by_months(local, rows.same_series):
        return None
    days = series_days(local, rows.series)
    month_end = bool((local.dt.month_end() == local).all())
    is_known = not known.month_end and follows(local, known.month_day, days)
    found, rule = (True, known.month_day) if is_known or month_end else find_month_day(local, days)
    rule = None if month_end and not is_known else rule
    frequency = Frequency(unit="month", every=1, month_end=month_end and not is_known, month_day=rule)
    return Axis(month_numbers(local), frequency) if found else None


def _refuse_duplicates(rows: SeriesTimes, *, is_new: bool) -> None:
    is_same = rows.same_series & (rows.times[1:] == rows.times[:-1]).to_numpy()
    indices = np.flatnonzero(is_same)
    if len(indices):
        within = " in its series" if rows.series.any() else ""
        raise ColumnError(
            f"must hold each time once{within}, got {rows.show(int(indices[0]))} twice "
            f"({pluralize(len(indices), 'row')} too many); {_duplicates_advice(rows, indices, is_new=is_new)}"
        )


def _duplicates_advice(rows: SeriesTimes, indices: np.ndarray, *, is_new: bool) -> str:
    """Return the next step; what params say cannot be changed for new rows."""
    twice = rows.times.gather(indices)
    is_time = isinstance(twice.dtype, pl.Datetime)
    if is_time and (zone := clock_change_zone(wall_clock(twice))) is not None:
        other = f", and that of {zone_of(twice)} does not" if zone_of(twice) else ""
        step = "" if is_new else "name the zone of the times in prepare.zones, or "
        return (
            f"the clock of {zone} shows this hour twice, when summer time ends{other}: {step}write them with an offset"
        )
    return "drop these rows" if is_new else "name the series in prepare.sequence.series, or drop these rows"


def _off_grid_error(axis: Axis, rows: SeriesTimes) -> ColumnError:
    every = usual_step(axis.counts, rows.same_series)
    wrong = off_grid(axis.counts, every, rows.series)
    frequency, first = axis.frequency.model_copy(update={"every": every}), int(wrong[0])
    zone = midnight_zone(rows.times) if rows.is_utc and zone_of(rows.times) is None else None
    by_month = rows.times.dtype != pl.Float64 and rises_by_months(wall_clock(rows.times), rows.same_series)
    advice = ADVICE
    if zone is not None:
        advice = f"they are midnights in {zone}: name it in prepare.zones"
    elif by_month:
        advice = "if each row stands for a month, write it as 2024-01"
    return ColumnError(
        f"must have one frequency, got most times {frequency} apart and {rows.show(first)}{rows.show_series(first)} "
        f"between them ({pluralize(len(wrong), 'such row')}); {advice}"
    )
