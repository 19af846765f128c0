"""Times on the grid of others that they follow, such as new rows of a series on that of the training."""

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import Frequency
from relight.prepare.time_axis.axes import (
    Axis,
    TimeSteps,
    is_on_grid,
    numbers,
    rises_by_months,
    seconds_axis,
    steps_on,
    whole_seconds,
)
from relight.prepare.time_axis.clocks import daily_clock
from relight.prepare.time_axis.months import find_month_day, follows, month_numbers, series_days
from relight.prepare.time_axis.rows import SeriesTimes
from relight.prepare.time_axis.weekdays import count_weekdays, days_since_1970


def on_known(rows: SeriesTimes, known: Frequency) -> TimeSteps | None:
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
    counts = None if daily is None else count_weekdays(days_since_1970(whole_seconds(daily)), known.weekdays)
    return None if counts is None else Axis(counts, known.model_copy(update={"on_clock": zone_of(times) is not None}))


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
