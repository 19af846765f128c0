"""Times in the form of a file: `2024Q1`, `202401`, `2024-W05`, unix seconds.

A form is a pattern of `strftime`, in which `%q` is the quarter and `{half}` the half of a year; or a number: `unix:1`
(ticks per second since 1970), `year.month:` (2024.01) and `year.part:2` (2024.25, to two decimals).
"""

import re

import polars as pl

from relight.data.calendar import format_times, wall_clock, zone_of
from relight.data.schema import MICROSECONDS_PER_SECOND

UNIX, YEAR_MONTH, YEAR_PART = "unix:", "year.month:", "year.part:"
UTC_FORM, UTC_OFFSET_FORM = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00"
HALF = "{half}"
_DIGITS = re.compile(r"(%[YmdHMSGVq])+")  # a whole number


def write_times(times: pl.Series, form: str | None, among: pl.Series) -> pl.Series:
    """Return times as the file writes them: texts, dates or numbers.

    Args:
        times: Datetime, with or without a zone, or Float64.
        form: None for whole numbers and for ISO 8601, with the offset of the zone if the times have one.
        among: all times of the table, which decide on the precision of ISO 8601.
    """
    if times.dtype == pl.Float64:
        return times.cast(pl.Int64) if bool((times == times.round()).all()) else times
    if form is None:
        return format_times(times, among)
    if form.startswith(UNIX):
        return _unix_ticks(times, int(form.removeprefix(UNIX)))
    if form in (UTC_FORM, UTC_OFFSET_FORM):
        return (times.dt.convert_time_zone("UTC") if zone_of(times) else times).dt.to_string(form)
    years, months = wall_clock(times).dt.year(), wall_clock(times).dt.month()
    if form == YEAR_MONTH:
        return (years + months / 100).round(2)
    if form.startswith(YEAR_PART):
        return (years + (months - 1) / 12).round(int(form.removeprefix(YEAR_PART)))
    texts = _formatted(times, form)
    return texts.cast(pl.Int64) if _DIGITS.fullmatch(form) else texts


def is_utc(form: str | None) -> bool:
    """Return whether a form writes times in UTC."""
    return form is not None and (form in (UTC_FORM, UTC_OFFSET_FORM) or form.startswith(UNIX))


def _unix_ticks(times: pl.Series, per_second: int) -> pl.Series:
    microseconds = times.to_physical()
    if per_second > MICROSECONDS_PER_SECOND:
        return microseconds * (per_second // MICROSECONDS_PER_SECOND)
    return microseconds // (MICROSECONDS_PER_SECOND // per_second)


def _formatted(times: pl.Series, form: str) -> pl.Series:
    if HALF not in form:
        return times.dt.to_string(form)
    halves = ((wall_clock(times).dt.month() - 1) // 6 + 1).cast(pl.String)
    before, _, after = form.partition(HALF)
    left, right = (
        times.dt.to_string(part) if part else pl.repeat("", len(times), eager=True) for part in (before, after)
    )
    return left + halves + right
