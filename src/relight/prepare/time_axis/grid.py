"""Times → numbers of steps on a regular grid. The series share the length of a step; each may begin anywhere in one."""

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import Axis, TimeSteps, axes, off_grid, steps_on, usual_step
from relight.prepare.time_axis.clocks import clock_change_zone
from relight.prepare.time_axis.frequencies import ADVICE, assert_one_frequency
from relight.prepare.time_axis.known import on_known
from relight.prepare.time_axis.rows import SeriesTimes
from relight.runtime.messages import pluralize


def find_time_steps(rows: SeriesTimes, known: Frequency | None = None) -> TimeSteps:
    """Find the grid of the times: its step is the most frequent difference within the series.

    Args:
        known: the frequency that they should have, because they follow others; they may be too few to tell.

    Raises:
        ColumnError: for times that occur twice, are between the steps of the grid, or have two frequencies.
    """
    _refuse_duplicates(rows)
    if known is not None and (as_known := on_known(rows, known)) is not None:
        return as_known
    ways = list(axes(rows))
    for axis in ways:
        every = usual_step(axis.counts, rows.same_series)
        if not len(off_grid(axis.counts, every, rows.series)):
            steps = steps_on(axis, every)
            assert_one_frequency(steps.step_numbers, steps.frequency, rows)
            return steps
    raise _off_grid_error(ways[0], rows)


def _refuse_duplicates(rows: SeriesTimes) -> None:
    is_same = rows.same_series & (rows.times[1:] == rows.times[:-1]).to_numpy()
    indices = np.flatnonzero(is_same)
    if len(indices):
        within = " in its series" if rows.series.any() else ""
        raise ColumnError(
            f"must hold each time once{within}, got {rows.show(int(indices[0]))} twice "
            f"({pluralize(len(indices), 'row')} too many); {_duplicates_advice(rows, indices)}"
        )


def _duplicates_advice(rows: SeriesTimes, indices: np.ndarray) -> str:
    twice = rows.times.gather(indices)
    is_time = isinstance(twice.dtype, pl.Datetime)
    if is_time and (zone := clock_change_zone(wall_clock(twice))) is not None:
        other = f", and that of {zone_of(twice)} does not" if zone_of(twice) else ""
        return (
            f"the clock of {zone} shows this hour twice, when summer time ends{other}: name the zone of the times in "
            "prepare.zones, or write them with an offset"
        )
    return "name the series in prepare.sequence.series, or drop these rows"


def _off_grid_error(axis: Axis, rows: SeriesTimes) -> ColumnError:
    every = usual_step(axis.counts, rows.same_series)
    wrong = off_grid(axis.counts, every, rows.series)
    frequency, first = axis.frequency.model_copy(update={"every": every}), int(wrong[0])
    return ColumnError(
        f"must have one frequency, got most times {frequency} apart and {rows.show(first)}{rows.show_series(first)} "
        f"between them ({pluralize(len(wrong), 'such row')}); {ADVICE}"
    )
