"""ISO dates and the time grid.

Dates and times: texts as ISO 8601 writes them → Datetime in microseconds, without a zone.

A time with a zone or an offset becomes the time in UTC.

Times as numbers of steps: found from the times themselves, and checked that each stands on the grid.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import MICROSECONDS_PER_SECOND, Frequency
from relight.data.text_columns import MIN_TYPE_SHARE
from relight.errors import ColumnError

DATETIME_TYPE = pl.Datetime("us")
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_FORMATS = {10: "%Y-%m-%d", 16: "%Y-%m-%d %H:%M", 19: "%Y-%m-%d %H:%M:%S"}  # by the length of the text
_ISO = rf"^{_DATE}([T ]{_TIME}{_OFFSET}?)?$"


def are_iso(texts: pl.Series) -> pl.Series:
    """For each value, whether it is written as a date, or a date and a time; gaps stay gaps."""
    return texts.str.contains(_ISO)


def are_mostly_iso(texts: pl.Series) -> bool:
    """Whether what is odd among them is a mistake, and not their custom."""
    return float(are_iso(texts).mean() or 0.0) >= MIN_TYPE_SHARE  # type: ignore[arg-type]


def parse_dates(texts: pl.Series) -> pl.Series:
    """Moments; a gap for what is none, such as the 30th of February."""
    whole = texts.set(~are_iso(texts).fill_null(value=False), None)
    whole = whole.str.replace("T", " ", literal=True).str.replace(",", ".", literal=True)
    lengths = whole.str.len_bytes().drop_nulls().unique().to_list()
    if len(lengths) == 1 and lengths[0] in _FORMATS:
        return whole.str.to_datetime(_FORMATS[lengths[0]], time_unit="us", strict=False)
    return _parse_each(whole)


def _parse_each(whole: pl.Series) -> pl.Series:
    """Each value brought to the longest form, and its offset taken from it."""
    date, time = whole.str.slice(0, 10), whole.str.slice(11)
    offset = time.str.extract(rf"({_OFFSET})$").str.replace("Z", "+00:00").str.replace(":", "").fill_null("+0000")
    clock = time.str.replace(rf"{_OFFSET}$", "")
    full = clock + clock.str.len_bytes().replace_strict({0: "00:00:00", 5: ":00"}, default="", return_dtype=pl.String)
    parsed = (date + " " + full + offset).str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)
    return parsed.dt.replace_time_zone(None)


def without_time_zone(moments: pl.Series) -> pl.Series:
    """Dates and times of a typed table."""
    zoned = isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone is not None
    return (moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else moments).cast(DATETIME_TYPE)


class TimeSteps(NamedTuple):
    """
    Attributes:
        numbers: int64 (n_rows,): each time as its number of steps since the first one of all.
    """

    step_numbers: np.ndarray
    frequency: Frequency


def find_time_steps(times: pl.Series, series: np.ndarray) -> TimeSteps:
    """The grid that most times of each series stand on.

    Args:
        times: Float64 or Datetime, ascending within each series.
        series: a code for each row, int (n_rows,), rows of a series together.

    Raises:
        UncleanError: times that stand twice, or between the steps of the grid.
    """
    same = series[1:] == series[:-1]
    counted, unit, month_end = _whole_units(times, same)
    gaps = np.diff(counted)[same]
    _refuse_duplicates(times, series, np.flatnonzero(same & (np.diff(counted) == 0)))
    every = int(np.bincount(_ranks(gaps)).argmax()) if len(gaps) else 0
    every = int(np.unique(gaps)[every]) if len(gaps) else 1
    _refuse_off_grid(times, (counted - counted.min()) % every, Frequency(unit=unit, every=every))
    return TimeSteps((counted - counted.min()) // every, Frequency(unit=unit, every=every, month_end=month_end))


def times_of_steps(numbers: pl.Series, first: Any, frequency: Frequency) -> pl.Series:
    """The times of step numbers, counted from the time `first`; as `find_steps` read them."""
    if frequency.unit == "number":
        return pl.Series((numbers.to_numpy() * frequency.every + first).astype(np.float64))
    begin = pl.Series([first], dtype=pl.Datetime("us")).new_from_index(0, len(numbers))
    if frequency.unit == "second":
        return begin + (numbers * frequency.every * MICROSECONDS_PER_SECOND).cast(pl.Duration("us"))
    shifted = pl.DataFrame({"begin": begin, "by": (numbers * frequency.every).cast(pl.String) + "mo"})
    moved = shifted.select(pl.col("begin").dt.offset_by(pl.col("by"))).to_series()
    return moved.dt.month_end() if frequency.month_end else moved


def _whole_units(times: pl.Series, same: np.ndarray) -> tuple[np.ndarray, Literal["number", "second", "month"], bool]:
    """Each time as a whole number of its unit."""
    if times.dtype == pl.Float64:
        if bool((times != times.round()).any()):
            raise ColumnError(f"must be dates or whole numbers, got {times.filter(times != times.round())[0]:g}")
        return times.cast(pl.Int64).to_numpy(), "number", False
    months = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month()).to_numpy()
    month_end = bool((times.dt.month_end() == times).all())
    on_one_day = times.dt.day().n_unique() == 1 and times.dt.time().n_unique() == 1
    if (month_end or on_one_day) and bool((np.diff(months)[same] > 0).all()) and same.any():
        return months, "month", month_end
    micro = times.to_physical()
    if bool((micro % MICROSECONDS_PER_SECOND != 0).any()):
        raise ColumnError("must be on whole seconds")
    return (micro // MICROSECONDS_PER_SECOND).to_numpy(), "second", False


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def _refuse_duplicates(times: pl.Series, series: np.ndarray, indices: np.ndarray) -> None:
    if len(indices):
        several = " in its series" if series.any() else ""
        raise ColumnError(
            f"must hold each time once{several}, got '{times[int(indices[0])]}' stands twice "
            f"({len(indices)} times in all); name the series in prepare.sequence.series, or drop these rows"
        )


def _refuse_off_grid(times: pl.Series, left: np.ndarray, frequency: Frequency) -> None:
    odd = np.flatnonzero(left)
    if len(odd):
        raise ColumnError(
            f"must have one frequency, got most times are {frequency} apart, and '{times[int(odd[0])]}' stands "
            f"between them ({len(odd)} rows do); bring the rows to one frequency"
        )
