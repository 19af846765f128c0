"""The rows of series on their grid: every step from the first to the last row of each."""

from datetime import timedelta
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import zone_of
from relight.data.schema import SECONDS_PER_DAY, SPLIT_COLUMN, STEP_COLUMN, Frequency
from relight.prepare.time_axis.clocks import skipped_hours
from relight.prepare.time_axis.grid import find_time_steps
from relight.prepare.time_axis.rows import SeriesTimes
from relight.prepare.time_axis.stepping import anchors_of, step_times

WRITTEN = "\0written"  # no column of a table has this name


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
    table: pl.DataFrame, written: pl.Series, time: str, series: str | None, known: Frequency | None
) -> RegularRows:
    """Return every step of each series in order, with gaps for the steps that the table lacks.

    Args:
        table: clean rows in any order.
        written: the times as the file has them, for messages.
        time, series: names of columns.
        known: as in `find_time_steps`.

    Raises:
        ColumnError: for times that are on no grid.
    """
    keys = [series] if series else []
    rows = table.with_columns(written).sort([*keys, time], maintain_order=True)
    codes = rows[series].rle_id().to_numpy() if series else np.zeros(rows.height, dtype=np.int64)
    names = tuple(rows[series].unique(maintain_order=True)) if series else ()
    steps, frequency = find_time_steps(SeriesTimes(rows[time], codes, names, rows[WRITTEN]), known)
    numbered = rows.drop(WRITTEN).with_columns(pl.Series(STEP_COLUMN, steps, dtype=pl.Int64))
    whole = _all_steps(numbered, series).join(numbered, on=[*keys, STEP_COLUMN], how="left", maintain_order="left")
    whole = _with_all_times(whole, numbered, codes, time, series, frequency)
    if SPLIT_COLUMN in whole.columns:  # a step that the table lacks belongs to the part of the one before it
        whole = whole.with_columns(pl.col(SPLIT_COLUMN).forward_fill())
    order = [*keys, STEP_COLUMN, *(name for name in table.columns if name not in (*keys, time)), time]
    notes = _notes(rows[time], codes, whole.height - rows.height, frequency)
    return RegularRows(whole.select(order), frequency, notes)


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


def _notes(times: pl.Series, codes: np.ndarray, n_added: int, frequency: Frequency) -> tuple[str, ...]:
    if not n_added:
        return ()
    lacking = f"Times that the table lacks between the first and the last: {n_added}; they count as gaps."
    is_naive = frequency.unit == "second" and zone_of(times) is None
    if not is_naive or frequency.every >= SECONDS_PER_DAY or frequency.every * n_added == 0:
        return (lacking,)
    skipped = skipped_hours(times.filter(pl.Series(codes == 0)), timedelta(seconds=frequency.every))
    if skipped is None:
        return (lacking,)
    zone, hours = skipped
    note = (
        f"The clock of {zone} skips {hours[0]}, which the table lacks, because summer time begins; if the times are on "
        "that clock, name it in prepare.zones, so that no hour is a gap and the features follow its day."
    )
    return lacking, note
