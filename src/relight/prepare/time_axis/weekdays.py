"""Days of the week on which a series has no rows: the weekend of business days, the Sundays of a shop."""

import numpy as np
import polars as pl

from relight.data.schema import SECONDS_PER_DAY

DAYS_TO_MONDAY = 3  # the first of January 1970 is a Thursday
MIN_RELATIVE_SHARE = 0.5  # of a weekday's days that have rows; with a smaller one, its rows are exceptions
MAX_CHANCE = 1e-4  # that days which are missing for other reasons leave out the same weekdays


def find_weekdays(days: np.ndarray, series: np.ndarray) -> tuple[int, ...] | None:
    """Return the weekdays that rows have, 1 (Monday) to 7; None if it is chance that the others are missing.

    Args:
        days: since 1970, int64 (n_rows,), of any series.
        series: a code for each row.
    """
    present = np.unique((days + DAYS_TO_MONDAY) % 7)
    if len(present) in (1, 7):
        return None
    spans = (
        pl.DataFrame({"day": days, "series": series})
        .group_by("series")
        .agg(first=pl.col("day").min(), end=pl.col("day").max() + 1)
    )
    first, end = spans["first"].to_numpy(), spans["end"].to_numpy()
    n_days = {weekday: int(np.sum(_n_weekdays(end, weekday) - _n_weekdays(first, weekday))) for weekday in range(7)}
    n_possible = sum(n_days[int(weekday)] for weekday in present)
    share = len(days) / (n_possible + 1)
    n_rows = np.bincount((days + DAYS_TO_MONDAY) % 7, minlength=7)
    if any(n_rows[weekday] < MIN_RELATIVE_SHARE * share * n_days[int(weekday)] for weekday in present):
        return None
    chance = (1 - share) ** (sum(n_days.values()) - n_possible)
    return tuple(int(weekday) + 1 for weekday in present) if chance < MAX_CHANCE else None


def count_weekdays(days: np.ndarray, weekdays: tuple[int, ...]) -> np.ndarray | None:
    """Return the number of each day if only some weekdays count, int64 (n_rows,); None if another day is among them."""
    weeks, position = np.divmod(days + DAYS_TO_MONDAY, 7)
    ranks = np.full(7, -1, dtype=np.int64)
    ranks[np.array(weekdays) - 1] = np.arange(len(weekdays))
    rank = ranks[position]
    return None if bool((rank < 0).any()) else weeks * len(weekdays) + rank


def days_of_counts(counts: np.ndarray, weekdays: tuple[int, ...]) -> np.ndarray:
    """Return the days of numbers that `count_weekdays` gave, int64 (n_rows,)."""
    weeks, rank = np.divmod(counts, len(weekdays))
    days: np.ndarray = weeks * 7 + (np.array(weekdays, dtype=np.int64) - 1)[rank] - DAYS_TO_MONDAY
    return days


def days_since_1970(seconds: np.ndarray) -> np.ndarray:
    """Return whole days, int64 (n_rows,)."""
    return seconds // SECONDS_PER_DAY


def _n_weekdays(before: np.ndarray, weekday: int) -> np.ndarray:
    """Return how many days of a weekday, 0 to 6, lie before each day, up to a constant."""
    count: np.ndarray = (before + DAYS_TO_MONDAY - weekday + 6) // 7
    return count
