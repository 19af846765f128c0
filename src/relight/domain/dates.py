"""Dates and times: texts as ISO 8601 writes them → Datetime in microseconds, without a zone.

A time with a zone or an offset becomes the time in UTC.
"""

import polars as pl

from relight.domain.texts import MOSTLY

MOMENT = pl.Datetime("us")

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
    return float(are_iso(texts).mean() or 0.0) >= MOSTLY  # type: ignore[arg-type]


def parse(texts: pl.Series) -> pl.Series:
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


def without_zone(moments: pl.Series) -> pl.Series:
    """Dates and times of a typed table."""
    zoned = isinstance(moments.dtype, pl.Datetime) and moments.dtype.time_zone is not None
    return (moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zoned else moments).cast(MOMENT)
