"""The time column of series, however the file writes it → numbers, or Datetime with the zone of the offsets."""

from datetime import time
from typing import NamedTuple

import polars as pl

from relight.data.calendar import zone_of
from relight.data.schema import SeriesSchema
from relight.data.written_times import UNIX
from relight.errors import ColumnError
from relight.prepare.columns import TEXT_TYPES, clean_column
from relight.prepare.time_axis.clocks import read_on_zone
from relight.prepare.time_axis.number_forms import read_numbers
from relight.prepare.time_axis.text_forms import read_texts
from relight.prepare.times import DATETIME_TYPE, are_mostly_iso
from relight.prepare.zones import FIXED_ZONES, UTC, find_zone

UTC_FORM, UTC_OFFSET_FORM = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00"
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
    if raw.null_count():
        raise ColumnError(f"has {raw.null_count()} gaps; give each row a time, or drop these rows")
    zone = zone or (_known_zone(known) if known else None)
    if raw.dtype == pl.String:
        raw = raw.str.replace(_SHORT_OFFSET, "${1}${2}:00").str.replace(_NAMED_UTC, "${1}Z")
        if not are_mostly_iso(raw) and (read := read_texts(raw, known.form if known else None)) is not None:
            return _on_clock(TimeColumn(read.values, read.form), zone, series, raw)
    cleaned = clean_column(raw)
    if cleaned.kind == "numeric":
        return _read_numbers(cleaned.values, zone, series, known)
    if cleaned.kind != "datetime":
        raise ColumnError(f"{_TRIED}, got '{str(raw[0])[:40]}'")
    times = cleaned.values.cast(DATETIME_TYPE)
    return _with_zone(raw, times, zone, series)


def _known_zone(known: SeriesSchema) -> str | None:
    is_utc = known.form is not None and (known.form in (UTC_FORM, UTC_OFFSET_FORM) or known.form.startswith(UNIX))
    return known.zone or ("UTC" if is_utc else None)


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
    has_offset = zone_of(raw) is not None or (raw.dtype == pl.String and bool(raw.str.contains(_OFFSET).any()))
    if not has_offset:
        return _on_clock(TimeColumn(times, None), zone, series, raw)
    found = find_zone(raw, times, zone, FIXED_ZONES)
    notes = (found.note,) if found.note else ()
    if found.zone is None:
        is_offset = raw.dtype == pl.String and not bool(raw.str.ends_with("Z").any())
        return TimeColumn(times, UTC_OFFSET_FORM if is_offset else UTC_FORM, notes)
    return TimeColumn(_in_zone(times, found.zone), None, notes)


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
