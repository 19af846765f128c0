"""Times as a person writes them: to the day where no step of a series is at another time of the day."""

from datetime import time

import polars as pl


def as_written(times: pl.Series, among: pl.Series) -> pl.Series:
    """
    Args:
        among: all times of the table, which say how fine they are. Numbers stay.
    """
    if not isinstance(among.dtype, pl.Datetime):
        return times
    if (among.dt.time() == time()).all():
        return times.dt.date()
    return times.dt.to_string("%Y-%m-%dT%H:%M:%S") if (among.dt.microsecond() == 0).all() else times
