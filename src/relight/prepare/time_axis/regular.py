"""The rows of series on their grid: every step from the first to the last row of each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import (
    MICROSECONDS_PER_SECOND,
    SECONDS_PER_DAY,
    SPLIT_COLUMN,
    STEP_COLUMN,
    WEEKDAY_NAMES,
    Frequency,
)
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import SeriesTimes
from relight.prepare.time_axis.clocks import skipped_hours
from relight.prepare.time_axis.grid import find_time_steps
from relight.prepare.time_axis.stepping import anchors_of, step_times
from relight.prepare.time_axis.weekdays import DAYS_TO_MONDAY, find_weekdays, rare_weekdays
from relight.runtime.messages import abbreviate, pluralize

MAX_STEPS, MAX_STEPS_PER_ROW = 10_000_000, 100  # of a grid; the larger one counts
MIN_DAYS = 5  # with rows; on fewer of them, hours may be missing by chance
WRITTEN = "\0written"  # no column of a table has this name
_MICROSECONDS_PER_DAY = SECONDS_PER_DAY * MICROSECONDS_PER_SECOND


class RegularRows(NamedTuple):
    """Rows on a regular grid of time, series after series.

    Attributes:
        rows: with the number of each step in STEP_COLUMN.
        notes: remarks on the times, in whole sentences.
    """

    rows: pl.DataFrame
    frequency: Frequency
    notes: tuple[str, ...]


def regular_rows(
    table: pl.DataFrame, written: pl.Series, time: str, series: str | None, known: Frequency | None, *, is_utc: bool
) -> RegularRows:
    """Return every step of each series in order, with gaps for the steps that the table lacks.

    Args:
        table: clean rows in any order.
        written: the times as the file has them, for messages.
        time, series: names of columns.
        known: as in `find_time_steps`.
        is_utc: whether times without a zone are known to be in UTC.

    Raises:
        ColumnError: for times that are on no grid.
    """
    keys = [series] if series else []
    rows = table.with_columns(written).sort([*keys, time], maintain_order=True)
    codes = rows[series].rle_id().to_numpy() if series else np.zeros(rows.height, dtype=np.int64)
    names = tuple(rows[series].unique(maintain_order=True)) if series else ()
    times = SeriesTimes(rows[time], codes, names, rows[WRITTEN], is_utc=is_utc)
    steps, frequency = find_time_steps(times, known)
    _refuse_sparse(times, steps, frequency)
    numbered = rows.drop(WRITTEN).with_columns(pl.Series(STEP_COLUMN, steps, dtype=pl.Int64))
    whole = _all_steps(numbered, series).join(numbered, on=[*keys, STEP_COLUMN], how="left", maintain_order="left")
    whole = _with_all_times(whole, numbered, codes, time, series, frequency)
    if SPLIT_COLUMN in whole.columns:  # a step that the table lacks belongs to the part of the one before it
        whole = whole.with_columns(pl.col(SPLIT_COLUMN).forward_fill())
    order = [*keys, STEP_COLUMN, *(name for name in table.columns if name not in (*keys, time)), time]
    notes = tuple(_remarks_on(times, frequency, whole.height - rows.height))
    return RegularRows(whole.select(order), frequency, notes)


def _refuse_sparse(rows: SeriesTimes, steps: np.ndarray, frequency: Frequency) -> None:
    """Refuse a grid that is far larger than the table, because a time is wrong or the step is too short."""
    last = np.flatnonzero(np.diff(rows.series, append=-1))
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = (steps[last] - steps[first]).astype(np.float64) + 1
    if lengths.sum() > max(MAX_STEPS, MAX_STEPS_PER_ROW * len(steps)):
        at = int(lengths.argmax())
        raise ColumnError(
            f"must have rows at most of its steps, got {lengths.sum():.3g} steps ({frequency} apart) for "
            f"{pluralize(len(steps), 'row')}, from {rows.show(int(first[at]))} to {rows.show(int(last[at]))}"
            f"{rows.show_series(int(first[at]))}; fix these times, or round them to longer steps"
        )


def _all_steps(rows: pl.DataFrame, series: str | None) -> pl.DataFrame:
    """Return the steps from the first to the last one of each series."""
    step = pl.col(STEP_COLUMN)
    steps = pl.int_range(step.min(), step.max() + 1).alias(STEP_COLUMN)
    if series is None:
        return rows.select(steps)
    return rows.group_by(series, maintain_order=True).agg(steps).explode(STEP_COLUMN)


def _with_all_times(
    whole: pl.DataFrame, rows: pl.DataFrame, codes: np.ndarray, time: str, series: str | None, frequency: Frequency
) -> pl.DataFrame:
    """Give the steps that the table lacks their times, counted from the first row of their series."""
    lacks = whole[time].is_null().arg_true().to_numpy()
    if not len(lacks):
        return whole
    begins = np.flatnonzero(np.diff(codes, prepend=-1))
    of_series = whole[series].rle_id().to_numpy()[lacks] if series else np.zeros(len(lacks), dtype=np.int64)
    anchors = anchors_of(rows[time], codes, frequency).gather(begins[of_series])
    n_steps = (whole[STEP_COLUMN].gather(lacks) - rows[STEP_COLUMN].gather(begins[of_series])).to_numpy()
    times = step_times(anchors, n_steps, frequency)
    return whole.with_columns(whole[time].scatter(lacks, times).alias(time))


def _remarks_on(rows: SeriesTimes, frequency: Frequency, n_added: int) -> Iterator[str]:
    """Yield remarks on steps that the table lacks, on a clock that skips an hour, and on weekdays without rows.

    Args:
        n_added: how many steps the table lacks.
    """
    if not n_added:
        return
    yield f"Times that the table lacks between the first and the last: {n_added}; they count as gaps."
    if frequency.unit != "second" or frequency.weekdays is not None:
        return
    if frequency.every < SECONDS_PER_DAY and zone_of(rows.times) is None:
        yield from _skipped_hour(rows, frequency)
    if frequency.every < SECONDS_PER_DAY:
        yield from _closed_hours(rows, frequency)
    if frequency.every == SECONDS_PER_DAY:
        yield from _missing_weekdays(rows)


def _skipped_hour(rows: SeriesTimes, frequency: Frequency) -> Iterator[str]:
    first = rows.times.filter(rows.series == rows.series[0])
    skipped = skipped_hours(first, timedelta(seconds=frequency.every))
    if skipped is not None:
        zone, hours = skipped
        yield (
            f"The clock of {zone} skips {hours[0]}, which the table lacks, because summer time begins; if the times "
            "are on that clock, name it in prepare.zones, so that no hour is a gap."
        )


def _closed_hours(rows: SeriesTimes, frequency: Frequency) -> Iterator[str]:
    """Say that hours are predicted at which no series has rows, such as the nights of an exchange."""
    seconds = wall_clock(rows.times).to_physical().to_numpy() // MICROSECONDS_PER_SECOND
    days, of_day = np.divmod(seconds, SECONDS_PER_DAY)
    first, last = int(of_day.min()), int(of_day.max())
    weekdays = _weekdays_with_rows(days, rows.series)
    is_part = last - first + frequency.every < SECONDS_PER_DAY and len(np.unique(days)) >= MIN_DAYS
    parts = [f"between {_clock_text(first)} and {_clock_text(last)}"] if is_part else []
    parts += [f"on {_names(weekdays)}"] if weekdays else []
    if parts:
        yield (
            f"All rows are {' '.join(parts)}, and all hours of all days are predicted; to leave out the others, number "
            "the rows in a column, and name it as the time."
        )


def _weekdays_with_rows(days: np.ndarray, series: np.ndarray) -> tuple[int, ...] | None:
    each = pl.DataFrame({"day": days, "series": series}).unique(maintain_order=True)
    return find_weekdays(each["day"].to_numpy(), each["series"].to_numpy())


def _clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def _missing_weekdays(rows: SeriesTimes) -> Iterator[str]:
    """Say that days are predicted on which a series has no rows, or hardly any."""
    days = wall_clock(rows.times).to_physical().to_numpy() // _MICROSECONDS_PER_DAY
    rare = rare_weekdays(days, rows.series)
    if rare:
        row = int(np.flatnonzero(np.isin((days + DAYS_TO_MONDAY) % 7, np.array(rare) - 1))[0])
        yield (
            f"Few rows are on {_names(rare)}, the first of them {rows.show(row)}, and all days are predicted; delete "
            "these rows to predict only the other days."
        )
        return
    parts = np.split(days, np.flatnonzero(~rows.same_series) + 1)
    closed = [name for name, part in zip(rows.names, parts, strict=bool(rows.names)) if _lacks_weekdays(part)]
    if closed:
        yield (
            "These series have no rows on some weekdays, and all days are predicted, because others have rows on "
            f"them: {abbreviate(closed)}."
        )


def _lacks_weekdays(days: np.ndarray) -> bool:
    return find_weekdays(days, np.zeros(len(days), dtype=np.int64)) is not None


def _names(weekdays: tuple[int, ...]) -> str:
    *others, last = (WEEKDAY_NAMES[day - 1] for day in weekdays)
    return f"{', '.join(others)} and {last}" if others else last
