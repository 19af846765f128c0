"""The clock of a zone: an hour that it shows twice in autumn, and one that it skips in spring."""

from datetime import time, timedelta

import polars as pl

from relight.data.calendar import wall_clock, zone_of
from relight.errors import ColumnError
from relight.prepare.zones import KNOWN_ZONES

SKIPPED = timedelta(hours=1)


def on_zone(local: pl.Series, zone: str | None) -> pl.Series:
    """Return times of a clock with their zone: of an hour that comes twice the first, for one that is skipped the next.

    Args:
        zone: None leaves the times as they are.
    """
    if zone is None:
        return local
    known = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if not known.null_count():
        return known
    later = (local + SKIPPED).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return known.fill_null(later)


def read_on_zone(local: pl.Series, zone: str, series: pl.Series, written: pl.Series) -> pl.Series:
    """Return the times of a table, written without an offset, with the zone that prepare.zones names.

    An hour that comes twice in a series is the first one, then the second one, in the order of its rows.

    Args:
        series: the name of each row's series.
        written: the times as the file has them.

    Raises:
        ColumnError: for a time that the clock skips.
    """
    rows = pl.DataFrame({"time": local, "series": series})
    again = rows.select(pl.int_range(pl.len()).over("time", "series").alias("n"))["n"] > 0
    moments = local.to_physical()
    newest_first = len(local) > 1 and bool(moments[0] > moments[-1])
    is_second = again if not newest_first else ~again & rows.select(pl.struct("time", "series").is_duplicated())["time"]
    ambiguous = pl.select(pl.when(is_second).then(pl.lit("latest")).otherwise(pl.lit("earliest"))).to_series()
    known = local.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
    missing = (known.is_null() & local.is_not_null()).arg_true()
    if len(missing):
        at = int(missing[0])
        raise ColumnError(
            f"row {at + 1} must be on the clock of {zone} (prepare.zones), which skips this hour, got '{written[at]}'; "
            "fix the time, or delete the zone if the clock has no summer time"
        )
    return known


def daily_clock(times: pl.Series) -> pl.Series | None:
    """Return the clock of times that all show the same time of the day; None if they do not.

    A time that the clock skips, as a midnight at which summer time begins, counts as that time of the day.
    """
    local = wall_clock(times)
    zone, usual = zone_of(times), local.dt.time().mode().sort()
    if not len(usual):
        return None
    asked = pl.select(local.dt.date().dt.combine(usual[0])).to_series().cast(local.dtype)
    if zone is not None and not bool((asked == local).all()):
        skipped = asked.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_null()
        local = asked.zip_with(skipped, local)
    return local if bool((asked == local).all()) else None


def clock_change_zone(local: pl.Series) -> str | None:
    """Return a zone whose clock shows all of these times twice, because it goes back; None if there is none."""
    for zone in KNOWN_ZONES:
        if local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").null_count() == len(local):
            return zone
    return None


def midnight_zone(times: pl.Series) -> str | None:
    """Return a zone on whose clock times in UTC are all at midnight; None if there is none."""
    for zone in KNOWN_ZONES:
        local = daily_clock(times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        if local is not None and local.dt.time()[0] == time():
            return zone
    return None


def skipped_hours(present: pl.Series, every: timedelta) -> tuple[str, pl.Series] | None:
    """Return the zone whose clock skips every missing hour of a series, and these hours; None if there is none.

    Args:
        present: ascending times without a zone, of one series.
        every: the length of a step.
    """
    gaps = present.filter(present.diff().shift(-1) > every)
    missing = (gaps + every) if len(gaps) else gaps
    if not len(missing):
        return None
    for zone in KNOWN_ZONES:
        hidden = missing.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_null()
        if bool(hidden.any()):
            return zone, missing.filter(hidden)
    return None
