"""The time column of series, however the file writes it → numbers, or Datetime with the zone of the offsets."""

from datetime import time
from typing import NamedTuple

import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.data.schema import SeriesSchema
from relight.data.text_columns import are_mostly_numbers, are_numbers
from relight.data.written_times import UNIX, UTC_FORM, UTC_OFFSET_FORM, is_utc
from relight.errors import ColumnError
from relight.prepare.columns import TEXT_TYPES, clean_column
from relight.prepare.time_axis.clocks import read_on_zone
from relight.prepare.time_axis.number_forms import read_numbers
from relight.prepare.time_axis.text_forms import read_texts
from relight.prepare.times import DATETIME_TYPE, are_mostly_iso, parse_dates
from relight.prepare.zones import FIXED_ZONES, UTC, find_zone
from relight.runtime.messages import pluralize

LAST_YEAR = 9999  # of dates in Python
_SHORT_OFFSET = r"([0-9]{2}:[0-9]{2}(?:[:.,0-9]*))([+-][0-9]{2})$"  # as PostgreSQL writes it
_NAMED_UTC = r"([0-9]) ?(?:UTC|GMT)$"
_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
_TRIED = "must hold dates such as 2024-01-31, 2024-01, 2024Q1 or 2024-W05, or whole numbers, to order the rows by"


class TimeColumn(NamedTuple):
    """The times of all rows.

    Attributes:
        values: Float64, or Datetime in microseconds; with a zone if the file has offsets or prepare.zones names one.
        form: as `SeriesSchema.form`.
        notes: remarks on it, which follow "Column 'name' " in a sentence.
    """

    values: pl.Series
    form: str | None
    notes: tuple[str, ...] = ()


def read_times(raw: pl.Series, series: pl.Series, zone: str | None, known: SeriesSchema | None = None) -> TimeColumn:
    """Read the time column.

    Args:
        raw: the values as they came.
        series: the name of each row's series.
        zone: that prepare.zones names.
        known: of the series that these rows continue: its form and zone are taken first.

    Raises:
        ColumnError: for gaps, and for values that are no times, or that could be read in two ways.
    """
    raw = raw.cast(pl.String) if raw.dtype in TEXT_TYPES else raw
    _refuse_gaps(raw.fill_nan(None) if raw.dtype.is_float() else raw)
    read = _read(raw, series, zone, known)
    if read.values.dtype != pl.Float64:
        years = wall_clock(read.values).dt.year()
        _refuse_years(raw, (years < 1) | (years > LAST_YEAR))
    return read


def _refuse_years(raw: pl.Series, wrong: pl.Series) -> None:
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise ColumnError(f"row {at + 1} must be of the years 1 to {LAST_YEAR}, got '{raw[at]}'; fix the value")


def _read(raw: pl.Series, series: pl.Series, zone: str | None, known: SeriesSchema | None) -> TimeColumn:
    zone = zone or (_known_zone(known) if known else None)
    if raw.dtype == pl.String:
        raw = raw.str.replace(_SHORT_OFFSET, "${1}${2}:00").str.replace(_NAMED_UTC, "${1}Z")
        if are_mostly_iso(raw):
            return _with_zone(raw, _read_iso(raw), zone, series)
        if (read := read_texts(raw, known.form if known else None)) is not None:
            return _on_clock(TimeColumn(read.values, read.form), zone, series, raw)
        _refuse_other_texts(raw)
    cleaned = clean_column(raw)
    if cleaned.kind == "numeric":
        return _read_numbers(cleaned.values, zone, series, known)
    if cleaned.kind != "datetime":
        raise ColumnError(f"{_TRIED}, got '{str(raw[0])[:40]}'")
    times = cleaned.values.cast(DATETIME_TYPE)
    return _with_zone(raw, times, zone, series)


def _refuse_other_texts(texts: pl.Series) -> None:
    """Refuse texts that are no numbers."""
    if not are_mostly_numbers(texts):
        raise ColumnError(f"{_TRIED}, got '{texts[0][:40]}'")
    wrong = ~are_numbers(texts)
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise ColumnError(
            f"row {at + 1} must be a number, as most rows, got '{texts[at][:40]}'; fix the value, or drop the row"
        )


def _read_iso(texts: pl.Series) -> pl.Series:
    """Return texts in ISO 8601 as times in UTC, without a zone."""
    times = parse_dates(texts)
    if times.null_count():
        at = int(times.is_null().arg_max() or 0)
        raise ColumnError(
            f"row {at + 1} must be a date such as 2020-01-31 or 2020-01-31 12:30:00, as most rows, got "
            f"'{texts[at][:40]}'; fix the value, or drop the row"
        )
    return times


def _refuse_gaps(values: pl.Series) -> None:
    n_gaps = values.null_count()
    if n_gaps:
        raise ColumnError(f"has {pluralize(n_gaps, 'gap')}; give each row a time, or drop these rows")


def _known_zone(known: SeriesSchema) -> str | None:
    return known.zone or ("UTC" if is_utc(known.form) else None)


def _read_numbers(numbers: pl.Series, zone: str | None, series: pl.Series, known: SeriesSchema | None) -> TimeColumn:
    if known is not None and known.frequency.unit == "number":
        return TimeColumn(numbers.cast(pl.Float64), None)
    read = read_numbers(numbers, known.form if known else None)
    if read is None:
        return TimeColumn(numbers.cast(pl.Float64), None)
    times = TimeColumn(read.values, read.form, (f"holds {read.name}, and was read as times",))
    if not read.form.startswith(UNIX):
        return _on_clock(times, zone, series, numbers)
    return times if zone is None or zone in UTC else times._replace(values=_in_zone(read.values, zone))


def _with_zone(raw: pl.Series, times: pl.Series, zone: str | None, series: pl.Series) -> TimeColumn:
    """Give times in UTC the zone of their offsets.

    Args:
        raw: texts in ISO 8601, or typed dates.
        times: the same in UTC, without a zone.
    """
    if zone_of(raw) is None and not _have_offsets(raw):
        return _on_clock(TimeColumn(times, None), zone, series, raw)
    found = find_zone(raw, times, zone, FIXED_ZONES)
    notes = (found.note,) if found.note else ()
    if found.zone is None and found.note is not None and (days := _local_days(raw)) is not None:
        return TimeColumn(days, None, ("has offsets of several zones; its days are those that it shows",))
    form = _utc_form(raw)
    if found.zone is None:
        return TimeColumn(times, form or UTC_OFFSET_FORM, notes)
    return TimeColumn(_in_zone(times, found.zone), form, notes)


def _have_offsets(raw: pl.Series) -> bool:
    """Return whether texts have offsets.

    Raises:
        ColumnError: if only some have them.
    """
    if raw.dtype != pl.String:
        return False
    have = raw.str.contains(_OFFSET)
    if bool(have.any()) and not bool(have.all()):
        at = int((~have).arg_max() or 0)
        raise ColumnError(f"row {at + 1} must have an offset such as +01:00, as other rows, got '{raw[at]}'; add it")
    return bool(have.any())


def _local_days(raw: pl.Series) -> pl.Series | None:
    """Return times without their offsets if they all show the same time of the day."""
    local = parse_dates(raw.str.replace(_OFFSET, "")) if raw.dtype == pl.String else None
    return local if local is not None and local.dt.time().n_unique() == 1 else None


def _utc_form(raw: pl.Series) -> str | None:
    """Return the form of times that are written in UTC; None for other offsets."""
    if raw.dtype != pl.String:
        return UTC_FORM if zone_of(raw) in UTC else None
    if bool(raw.str.ends_with("Z").all()):
        return UTC_FORM
    return UTC_OFFSET_FORM if bool(raw.str.contains(r"[+-]00:?00$").all()) else None


def _in_zone(times: pl.Series, zone: str) -> pl.Series:
    """Return times in UTC with a zone."""
    return times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def _on_clock(read: TimeColumn, zone: str | None, series: pl.Series, written: pl.Series) -> TimeColumn:
    """Give times without an offset the zone whose clock they show."""
    if zone is None or zone in UTC:
        return read
    is_days = bool((read.values.dt.time() == time()).all())
    form = read.form or ("%Y-%m-%d" if is_days else "%Y-%m-%dT%H:%M:%S")
    return read._replace(values=read_on_zone(read.values, zone, series, written.cast(pl.String)), form=form)
