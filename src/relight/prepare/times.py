"""Times: ISO 8601 texts → Datetime in microseconds without a zone, and times → numbers of steps on a regular grid.

A time with a zone or an offset becomes the time in UTC.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import MICROSECONDS_PER_SECOND, Frequency
from relight.data.text_columns import MIN_TYPE_SHARE
from relight.errors import ColumnError
from relight.runtime.messages import pluralize

DATETIME_TYPE = pl.Datetime("us")
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_FORMATS = {10: "%Y-%m-%d", 16: "%Y-%m-%d %H:%M", 19: "%Y-%m-%d %H:%M:%S"}  # by the length of the text
_ISO = rf"^{_DATE}([T ]{_TIME}{_OFFSET}?)?$"


def are_iso(texts: pl.Series) -> pl.Series:
    """Return for each value whether it is written as a date, or a date and a time; gaps stay gaps."""
    return texts.str.contains(_ISO)


def are_mostly_iso(texts: pl.Series) -> bool:
    """Return whether so many are ISO dates that the others are mistakes, and not another format."""
    return float(are_iso(texts).mean() or 0.0) >= MIN_TYPE_SHARE  # type: ignore[arg-type]


def parse_dates(texts: pl.Series) -> pl.Series:
    """Return Datetime values; a gap for a date that does not exist, such as the 30th of February."""
    whole = texts.set(~are_iso(texts).fill_null(value=False), None)
    whole = whole.str.replace("T", " ", literal=True).str.replace(",", ".", literal=True)
    lengths = whole.str.len_bytes().drop_nulls().unique().to_list()
    if len(lengths) == 1 and lengths[0] in _FORMATS:
        return whole.str.to_datetime(_FORMATS[lengths[0]], time_unit="us", strict=False)
    return _parse_each(whole)


def _parse_each(whole: pl.Series) -> pl.Series:
    """Bring each value to the longest format, and parse it with its offset."""
    date, time = whole.str.slice(0, 10), whole.str.slice(11)
    offset = time.str.extract(rf"({_OFFSET})$").str.replace("Z", "+00:00").str.replace(":", "").fill_null("+0000")
    clock = time.str.replace(rf"{_OFFSET}$", "")
    full = clock + clock.str.len_bytes().replace_strict({0: "00:00:00", 5: ":00"}, default="", return_dtype=pl.String)
    parsed = (date + " " + full + offset).str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return parsed.dt.replace_time_zone(None)


def without_time_zone(times: pl.Series) -> pl.Series:
    """Return dates or times of a typed table as Datetime in UTC, without a zone."""
    zoned = isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone is not None
    return (times.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else times).cast(DATETIME_TYPE)


class TimeSteps(NamedTuple):
    """Times on a regular grid.

    Attributes:
        step_numbers: int64 (n_rows,): the number of steps of each time since the first one of all.
    """

    step_numbers: np.ndarray
    frequency: Frequency


def find_time_steps(times: pl.Series, series: np.ndarray) -> TimeSteps:
    """Find the grid on which most times of each series lie: its step is the most frequent difference.

    Args:
        times: Float64 or Datetime, ascending within each series.
        series: a code for each row, int (n_rows,), rows of a series together.

    Raises:
        ColumnError: for times that occur twice, or are between the steps of the grid.
    """
    same_series = series[1:] == series[:-1]
    counts, unit, month_end = _whole_units(times, same_series)
    _refuse_duplicates(times, series, np.flatnonzero(same_series & (np.diff(counts) == 0)))
    differences, n_times = np.unique(np.diff(counts)[same_series], return_counts=True)
    every = int(differences[n_times.argmax()]) if len(differences) else 1
    counts = counts - counts.min()
    _refuse_off_grid(times, counts % every, Frequency(unit=unit, every=every))
    return TimeSteps(counts // every, Frequency(unit=unit, every=every, month_end=month_end))


def times_of_steps(step_numbers: pl.Series, first: Any, frequency: Frequency) -> pl.Series:
    """Return the times of step numbers, counted from the time `first`: the inverse of `find_time_steps`."""
    if frequency.unit == "number":
        return pl.Series((step_numbers.to_numpy() * frequency.every + first).astype(np.float64))
    begin = pl.Series([first], dtype=pl.Datetime("us")).new_from_index(0, len(step_numbers))
    if frequency.unit == "second":
        return begin + (step_numbers * frequency.every * MICROSECONDS_PER_SECOND).cast(pl.Duration("us"))
    offsets = pl.DataFrame({"begin": begin, "by": (step_numbers * frequency.every).cast(pl.String) + "mo"})
    times = offsets.select(pl.col("begin").dt.offset_by(pl.col("by"))).to_series()
    return times.dt.month_end() if frequency.month_end else times


def _whole_units(
    times: pl.Series, same_series: np.ndarray
) -> tuple[np.ndarray, Literal["number", "second", "month"], bool]:
    """Return each time as a whole number of its unit, the unit, and whether all times are last days of months."""
    if times.dtype == pl.Float64:
        if bool((times != times.round()).any()):
            raise ColumnError(f"must be dates or whole numbers, got {times.filter(times != times.round())[0]:g}")
        return times.cast(pl.Int64).to_numpy(), "number", False
    months = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month()).to_numpy()
    month_end = bool((times.dt.month_end() == times).all())
    on_one_day = times.dt.day().n_unique() == 1 and times.dt.time().n_unique() == 1
    if (month_end or on_one_day) and bool((np.diff(months)[same_series] > 0).all()) and same_series.any():
        return months, "month", month_end
    microseconds = times.to_physical()
    if bool((microseconds % MICROSECONDS_PER_SECOND != 0).any()):
        raise ColumnError("must be on whole seconds")
    return (microseconds // MICROSECONDS_PER_SECOND).to_numpy(), "second", False


def _refuse_duplicates(times: pl.Series, series: np.ndarray, indices: np.ndarray) -> None:
    if len(indices):
        within = " in its series" if series.any() else ""
        raise ColumnError(
            f"must hold each time once{within}, got '{times[int(indices[0])]}' twice ({pluralize(len(indices), 'row')} "
            "too many); name the series in prepare.sequence.series, or drop these rows"
        )


def _refuse_off_grid(times: pl.Series, remainders: np.ndarray, frequency: Frequency) -> None:
    wrong = np.flatnonzero(remainders)
    if len(wrong):
        raise ColumnError(
            f"must have one frequency, got most times {frequency} apart and '{times[int(wrong[0])]}' between them "
            f"({pluralize(len(wrong), 'such row')}); bring the rows to one frequency"
        )
