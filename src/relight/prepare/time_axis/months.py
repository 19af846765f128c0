"""The day within a month on which the rows of a series lie: the last one, the 30th, the last business day, a third
Friday."""

from itertools import product

import numpy as np
import polars as pl

from relight.data.schema import WEEKDAY_NAMES

LAST_DAY = 31  # of any month; a shorter one ends before it
FIRST_BUSINESS_DAY, LAST_BUSINESS_DAY = "first business day", "last business day"
MIN_EXACT_SHARE = 0.6  # of the rows; the others are a holiday away
MAX_DAYS_OFF = 4
_NTHS = ("1st", "2nd", "3rd", "4th")
WEEKDAY_RULES = tuple(f"{nth} {day}" for nth, day in product((*_NTHS, "last"), WEEKDAY_NAMES))


def month_numbers(times: pl.Series) -> np.ndarray:
    """Return the number of each time's month since the year 0, int64 (n_rows,)."""
    return (times.dt.year().cast(pl.Int64) * 12 + times.dt.month().cast(pl.Int64) - 1).to_numpy()


def days_in_months(months: np.ndarray, rule: str | None, days: np.ndarray) -> np.ndarray:
    """Return a day in each month, datetime64[D] (n_rows,).

    Args:
        months: as `month_numbers` returns them.
        rule: of `find_month_day`; None for the days.
        days: 1 to 31, (n_rows,); a month that is shorter ends before them.
    """
    first, after = _first_days(months), _first_days(months + 1)
    if rule is None:
        clipped: np.ndarray = np.minimum(first + (days - 1), after - 1)
        return clipped
    if rule == FIRST_BUSINESS_DAY:
        return np.busday_offset(first, 0, roll="forward")
    if rule == LAST_BUSINESS_DAY:
        return np.busday_offset(after, -1, roll="forward")
    nth, weekday = rule.split()
    if nth == "last":
        return np.busday_offset(after, -1, roll="forward", weekmask=weekday)
    return np.busday_offset(first, _NTHS.index(nth), roll="forward", weekmask=weekday)


def find_month_day(times: pl.Series, days: np.ndarray) -> tuple[bool, str | None]:
    """Return whether the days follow a rule of the month, and its name; None for the days of the series.

    Args:
        times: without a zone.
        days: the day of each row's series, as `series_days` returns it.
    """
    months, dates = month_numbers(times), times.dt.date().to_numpy().astype("datetime64[D]")
    for rule in (None, *WEEKDAY_RULES):
        if bool((days_in_months(months, rule, days) == dates).all()):
            return True, rule
    for rule in (LAST_BUSINESS_DAY, FIRST_BUSINESS_DAY):
        if follows(times, rule, days):
            return True, rule
    return False, None


def follows(times: pl.Series, rule: str | None, days: np.ndarray) -> bool:
    """Return whether days follow a rule; a business day may be a holiday, and the row lies on the one next to it."""
    dates = times.dt.date().to_numpy().astype("datetime64[D]")
    off = (dates - days_in_months(month_numbers(times), rule, days)).astype(np.int64)
    if rule == LAST_BUSINESS_DAY:
        off = -off
    elif rule != FIRST_BUSINESS_DAY:
        return bool((off == 0).all())
    return bool((off >= 0).all() and (off <= MAX_DAYS_OFF).all()) and float((off == 0).mean()) >= MIN_EXACT_SHARE


def day_of_series(times: pl.Series) -> int:
    """Return the day of the month of one series: the last one, or the latest that it has."""
    return LAST_DAY if bool((times.dt.month_end() == times).all()) else int(times.dt.day().max())  # type: ignore[arg-type]


def series_days(times: pl.Series, series: np.ndarray) -> np.ndarray:
    """Return `day_of_series` for each row, int64 (n_rows,).

    Args:
        times: without a zone.
        series: a code for each row.
    """
    day = pl.when((pl.col("time").dt.month_end() == pl.col("time")).all()).then(LAST_DAY)
    day_of_month = day.otherwise(pl.col("time").dt.day().cast(pl.Int64).max())
    rows = pl.DataFrame({"time": times, "series": series})
    found: np.ndarray = rows.select(day_of_month.over("series").alias("day"))["day"].to_numpy().astype(np.int64)
    return found


def _first_days(months: np.ndarray) -> np.ndarray:
    first: np.ndarray = (months - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    return first
