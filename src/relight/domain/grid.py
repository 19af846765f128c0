"""Times as numbers of steps: found from the times themselves, and checked that each stands on the grid."""

from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from relight.domain.columns import UncleanError
from relight.domain.frequency import SECOND, Frequency


class Steps(NamedTuple):
    """
    Attributes:
        numbers: int64 (n_rows,): each time as its number of steps since the first one of all.
    """

    numbers: np.ndarray
    frequency: Frequency


def find_steps(times: pl.Series, series: np.ndarray) -> Steps:
    """The grid that most times of each series stand on.

    Args:
        times: Float64 or Datetime, ascending within each series.
        series: a code for each row, int (n_rows,), rows of a series together.

    Raises:
        UncleanError: times that stand twice, or between the steps of the grid.
    """
    same = series[1:] == series[:-1]
    counted, unit, month_end = _counted(times, same)
    gaps = np.diff(counted)[same]
    _refuse_twins(times, series, np.flatnonzero(same & (np.diff(counted) == 0)))
    every = int(np.bincount(_ranks(gaps)).argmax()) if len(gaps) else 0
    every = int(np.unique(gaps)[every]) if len(gaps) else 1
    _refuse_odd(times, (counted - counted.min()) % every, Frequency(unit=unit, every=every))
    return Steps((counted - counted.min()) // every, Frequency(unit=unit, every=every, month_end=month_end))


def times_of(numbers: pl.Series, first: Any, frequency: Frequency) -> pl.Series:
    """The times of step numbers, counted from the time `first`; as `find_steps` read them."""
    if frequency.unit == "number":
        return pl.Series((numbers.to_numpy() * frequency.every + first).astype(np.float64))
    begin = pl.Series([first], dtype=pl.Datetime("us")).new_from_index(0, len(numbers))
    if frequency.unit == "second":
        return begin + (numbers * frequency.every * SECOND).cast(pl.Duration("us"))
    shifted = pl.DataFrame({"begin": begin, "by": (numbers * frequency.every).cast(pl.String) + "mo"})
    moved = shifted.select(pl.col("begin").dt.offset_by(pl.col("by"))).to_series()
    return moved.dt.month_end() if frequency.month_end else moved


def _counted(times: pl.Series, same: np.ndarray) -> tuple[np.ndarray, Literal["number", "second", "month"], bool]:
    """Each time as a whole number of its unit."""
    if times.dtype == pl.Float64:
        if bool((times != times.round()).any()):
            raise UncleanError(f"must be dates or whole numbers, however: {times.filter(times != times.round())[0]:g}")
        return times.cast(pl.Int64).to_numpy(), "number", False
    months = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month()).to_numpy()
    month_end = bool((times.dt.month_end() == times).all())
    on_one_day = times.dt.day().n_unique() == 1 and times.dt.time().n_unique() == 1
    if (month_end or on_one_day) and bool((np.diff(months)[same] > 0).all()) and same.any():
        return months, "month", month_end
    micro = times.to_physical()
    if bool((micro % SECOND != 0).any()):
        raise UncleanError("must be on whole seconds")
    return (micro // SECOND).to_numpy(), "second", False


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def _refuse_twins(times: pl.Series, series: np.ndarray, places: np.ndarray) -> None:
    if len(places):
        several = " in its series" if series.any() else ""
        raise UncleanError(
            f"must hold each time once{several}, however: '{times[int(places[0])]}' stands twice "
            f"({len(places)} times in all); name the series in prepare.sequence.series, or drop these rows"
        )


def _refuse_odd(times: pl.Series, left: np.ndarray, frequency: Frequency) -> None:
    odd = np.flatnonzero(left)
    if len(odd):
        raise UncleanError(
            f"must have one frequency, however: most times are {frequency} apart, and '{times[int(odd[0])]}' stands "
            f"between them ({len(odd)} rows do); bring the rows to one frequency"
        )
