"""Times that are written as numbers: 202401, 20240131, 20241 (a quarter), 1949.083, unix seconds."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import MICROSECONDS_PER_SECOND
from relight.data.written_times import UNIX, YEAR_MONTH, YEAR_PART
from relight.errors import ColumnError

FIRST_YEAR, LAST_YEAR = 1700, 2200
MIN_SHARE = 0.9  # with this share of dates, the other numbers are mistakes
MIN_QUARTERS = 5  # fewer numbers end in 1 to 4 by chance
# Digits → the pattern, and what completes it to a second.
_DIGITS = {
    6: ("%Y%m", "01000000"),
    8: ("%Y%m%d", "000000"),
    10: ("%Y%m%d%H", "0000"),
    12: ("%Y%m%d%H%M", "00"),
    14: ("%Y%m%d%H%M%S", ""),
}
_NAMES = {"%Y%m": "months such as 202401", "%Y%m%d": "dates such as 20240131"}
WEEKS, QUARTERS = "%G%V", "%Y%q"
_FIRST_UNIX_SECOND, _LAST_UNIX_SECOND = 300_000_000, 5_000_000_000  # 1979 to 2128
_UNIX_UNITS = {1: "seconds", 1000: "milliseconds", 1_000_000: "microseconds", 1_000_000_000: "nanoseconds"}
_MONTH_TOLERANCE = 0.06  # of a month, in years that are rounded to two decimals


class NumberTimes(NamedTuple):
    """Times without a zone, the form in which they were written (as `data.written_times` reads it), and its name."""

    values: pl.Series
    form: str
    name: str


def read_numbers(numbers: pl.Series, known: str | None = None) -> NumberTimes | None:
    """Return the times that numbers stand for; None if they are only numbers.

    Args:
        numbers: Float64, Int64 or UInt64, without gaps.
        known: the form that they should have, because they follow others; they may be too few to tell.

    Raises:
        ColumnError: for a number that is no month or date, if nearly all of them are.
    """
    if not len(numbers):
        return None
    is_decimal = known is not None and known.startswith((YEAR_PART, YEAR_MONTH))
    if numbers.dtype == pl.Float64 and (is_decimal or bool((numbers != numbers.round()).any())):
        return _read_decimals(numbers, known)
    whole = numbers.cast(pl.Int64, strict=False)
    if whole.null_count() or int(whole.min()) <= 0:  # type: ignore[arg-type]  # of numbers
        return None
    if known == WEEKS and (weeks := _read_weeks(whole, min_years=1)) is not None:
        return weeks
    quarters = _read_quarters(whole, 1 if known == QUARTERS else MIN_QUARTERS)
    return _read_digits(whole) or _read_weeks(whole) or quarters or _read_unix(whole)


def _read_digits(whole: pl.Series) -> NumberTimes | None:
    texts = whole.cast(pl.String)
    lengths = texts.str.len_bytes().unique()
    found = _DIGITS.get(lengths[0]) if len(lengths) == 1 else None
    if found is None:
        return None
    form, completed = found[0], texts + found[1]
    values = completed.str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False)
    is_time = values.is_not_null() & _are_years(texts.str.slice(0, 4))
    if float(is_time.mean() or 0) < MIN_SHARE:  # type: ignore[arg-type]  # of booleans
        return None
    name = _NAMES.get(form, f"times such as {texts[0]}")
    if not bool(is_time.all()):
        at = int((~is_time).arg_max() or 0)
        raise ColumnError(
            f"row {at + 1} must be one of the {name}, as most rows, got {texts[at]}; fix the value, or drop the row"
        )
    return NumberTimes(values, form, name)


def _read_weeks(whole: pl.Series, min_years: int = 2) -> NumberTimes | None:
    """Read 202405 as the fifth week of 2024, if the years turn after week 52 or 53."""
    years, weeks = whole // 100, whole % 100
    if years.n_unique() < min_years or not (bool(weeks.is_between(1, 53).all()) and bool(_are_years(years).all())):
        return None
    values = (whole.cast(pl.String) + "1").str.to_datetime("%G%V%u", time_unit="us", strict=False)
    return None if values.null_count() else NumberTimes(values, WEEKS, "weeks such as 202405")


def _read_quarters(whole: pl.Series, min_quarters: int) -> NumberTimes | None:
    """Read 20243 as the third quarter of 2024."""
    years, quarters = whole // 10, whole % 10
    if (
        whole.n_unique() < min_quarters
        or not bool(quarters.is_between(1, 4).all())
        or not bool(_are_years(years).all())
    ):
        return None
    return NumberTimes(_month_starts(years, quarters * 3 - 2), QUARTERS, "quarters such as 20241")


def _read_unix(whole: pl.Series) -> NumberTimes | None:
    for per_second, unit in _UNIX_UNITS.items():
        is_unix = bool((whole // per_second).is_between(_FIRST_UNIX_SECOND, _LAST_UNIX_SECOND).all())
        if is_unix and bool((whole % per_second == 0).all()):  # steps below a second stay numbers
            up, down = max(MICROSECONDS_PER_SECOND // per_second, 1), max(per_second // MICROSECONDS_PER_SECOND, 1)
            return NumberTimes((whole * up // down).cast(pl.Datetime("us")), f"{UNIX}{per_second}", f"unix {unit}")
    return None


def _read_decimals(numbers: pl.Series, known: str | None) -> NumberTimes | None:
    """Read 2024.01 as a month, or 2024.083 as the second twelfth of a year."""
    years = numbers.floor()
    if not bool(_are_years(years).all()):
        return None
    is_part = known is not None and known.startswith(YEAR_PART)
    hundredths, twelfths = (numbers - years) * 100, (numbers - years) * 12
    are_months = ((hundredths - hundredths.round()).abs() < 1e-4) & hundredths.round().is_between(1, 12)
    if bool(are_months.all()) and not is_part:
        return NumberTimes(_month_starts(years, hundredths.round()), YEAR_MONTH, "months such as 2024.01")
    if bool(((twelfths - twelfths.round()).abs() < _MONTH_TOLERANCE).all()):
        months = years * 12 + twelfths.round()
        form = known if is_part and known else f"{YEAR_PART}{_n_decimals(numbers)}"
        return NumberTimes(_month_starts(months // 12, months % 12 + 1), form, "years and their twelfths or quarters")
    return None


def _n_decimals(numbers: pl.Series) -> int:
    return min(int(numbers.cast(pl.String).str.split(".").list.last().str.len_bytes().max()), 14)  # type: ignore[arg-type]


def _are_years(years: pl.Series) -> pl.Series:
    return years.cast(pl.Int64, strict=False).is_between(FIRST_YEAR, LAST_YEAR).fill_null(value=False)


def _month_starts(years: pl.Series, months: pl.Series) -> pl.Series:
    count: np.ndarray = years.cast(pl.Int64).to_numpy() * 12 + months.cast(pl.Int64).to_numpy() - 1 - 1970 * 12
    return pl.Series(count.astype("datetime64[M]").astype("datetime64[us]")).cast(pl.Datetime("us"))
