"""The clock of times that have an offset or a zone: what people do at eight o'clock, they do at eight o'clock there.

A table holds such times in UTC, so that their order is right; hour and weekday are those of their own zone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from relight.errors import ColumnError

UTC = ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z")
# The first that has the offsets of all times is taken; each rule of summer time in the world is among them once.
KNOWN_ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "Europe/Athens", "Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata", "Australia/Sydney", "Europe/Moscow",
    "America/Sao_Paulo", "America/Phoenix", "America/Anchorage", "Pacific/Honolulu", "America/Halifax",
    "America/St_Johns", "America/Mexico_City", "America/Bogota", "America/Santiago", "Africa/Lagos",
    "Africa/Johannesburg", "Africa/Nairobi", "Africa/Cairo", "Asia/Jerusalem", "Asia/Dubai", "Asia/Tehran",
    "Asia/Karachi", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Bangkok", "Australia/Perth", "Australia/Darwin",
    "Australia/Adelaide", "Australia/Brisbane", "Pacific/Auckland", "Asia/Tashkent", "Asia/Vladivostok",
)  # fmt: skip
# Of an offset that never changes and that no zone above has.
FIXED_ZONES = (
    *(f"Etc/GMT{west:+d}" for west in range(-14, 13) if west),
    "Asia/Kabul", "Asia/Yangon", "Australia/Eucla", "Pacific/Marquesas", "Pacific/Chatham", "Australia/Lord_Howe",
)  # fmt: skip
_OFFSET = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"


class FoundZone(NamedTuple):
    """The zone of a column of times; None for UTC and for times without an offset. `note` follows "Column 'name' "."""

    zone: str | None
    note: str | None


def find_zone(raw: pl.Series, times: pl.Series, asked: str | None, others: Sequence[str] = ()) -> FoundZone:
    """Return the zone of a column.

    Args:
        raw: the values as they came.
        times: the same in UTC, without a zone.
        asked: the zone that the params name for it.
        others: zones to try after those that are known best.

    Raises:
        ColumnError: if they name one for times without an offset.
    """
    own = _own_zone(raw)
    if own is None and not _has_offsets(raw):
        if asked is not None:
            raise ColumnError(
                f"has times without an offset, whose clock is as written; leave out prepare.zones ({asked})"
            )
        return FoundZone(None, None)
    if asked is None and own is None:
        own = _zone_of_offsets(raw, times, (*KNOWN_ZONES, *others))
        if own is None:
            said = "has offsets of several zones; hour and weekday are those of UTC, or name a zone in prepare.zones"
            return FoundZone(None, said)
    zone = asked or own
    if zone in UTC or zone is None:
        return FoundZone(None, None)
    return FoundZone(zone, f"has hour and weekday of the zone {zone}; another one, or UTC: prepare.zones")


def zone_problems(zones: Mapping[str, str]) -> list[str]:
    """Return which zones do not exist."""
    problems = []
    for name, zone in zones.items():
        try:
            pl.Series([], dtype=pl.Datetime("us")).dt.replace_time_zone(zone)
        except pl.exceptions.PolarsError:
            problems.append(f"prepare.zones: {name}: must be a zone such as Europe/Berlin or UTC, got '{zone}'")
    return problems


def in_utc(raw: pl.Series, times: pl.Series, zone: str | None) -> pl.Series:
    """Return new times in UTC: those without an offset are on the clock of the zone.

    Args:
        raw: the values as they came.
        times: the same, without a zone.
    """
    if zone is None or _own_zone(raw) is not None or _has_offsets(raw):
        return times
    local = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _own_zone(raw: pl.Series) -> str | None:
    return raw.dtype.time_zone if isinstance(raw.dtype, pl.Datetime) else None


def _has_offsets(raw: pl.Series) -> bool:
    return raw.dtype == pl.String and bool(raw.str.contains(_OFFSET).any())


def _zone_of_offsets(raw: pl.Series, times: pl.Series, zones: Sequence[str]) -> str | None:
    """Return the first zone that has the offset of each time; UTC if all of them are 0."""
    written = raw.str.extract(_OFFSET).replace("Z", "+00:00").str.replace(":", "").fill_null("+0000")
    hours, minutes = written.str.slice(1, 2).cast(pl.Int32), written.str.slice(3, 2).cast(pl.Int32)
    offsets = (hours * 60 + minutes).zip_with(written.str.starts_with("+"), -(hours * 60 + minutes))
    known = pl.DataFrame({"time": times, "offset": offsets}).drop_nulls()
    if (known["offset"] == 0).all():
        return "UTC"
    return next((zone for zone in zones if bool((_offsets_in(known["time"], zone) == known["offset"]).all())), None)


def _offsets_in(times: pl.Series, zone: str) -> pl.Series:
    """Return the minutes between UTC and the clock of a zone at some times in UTC."""
    local = times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return (local - times).dt.total_minutes().cast(pl.Int32)
