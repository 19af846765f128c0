"""Times: ISO 8601 texts → Datetime in microseconds without a zone.

A time with a zone or an offset becomes the time in UTC.
"""

import polars as pl

from relight.data.text_columns import MIN_TYPE_SHARE

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
