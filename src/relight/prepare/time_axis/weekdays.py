"""Days of the week on which a series has no rows: the weekend of business days, the Sundays of a shop."""

import numpy as np
import polars as pl

from relight.data.schema import SECONDS_PER_DAY

DAYS_TO_MONDAY = 3  # the first of January 1970 is a Thursday
MIN_RELATIVE_SHARE = 0.5  # of a weekday's days that have rows; with a smaller one, its rows are exceptions
MAX_RARE_SHARE = 0.1  # of the usual share of days that have rows
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
    n_days = _days_spanned(days, series)
    n_possible = int(n_days[present].sum())
    share = len(days) / (n_possible + 1)
    n_rows = np.bincount((days + DAYS_TO_MONDAY) % 7, minlength=7)
    if bool((n_rows[present] < MIN_RELATIVE_SHARE * share * n_days[present]).any()):
        return None
    chance = (1 - share) ** int(n_days.sum() - n_possible)
    return tuple(int(weekday) + 1 for weekday in present) if chance < MAX_CHANCE else None


def rare_weekdays(days: np.ndarray, series: np.ndarray) -> tuple[int, ...]:
    """Return the weekdays of a few exceptions, 1 (Monday) to 7, such as the Saturdays on which an exchange opened."""
    n_rows = np.bincount((days + DAYS_TO_MONDAY) % 7, minlength=7)
    shares = n_rows / np.maximum(_days_spanned(days, series), 1)
    rare = (n_rows > 0) & (shares < MAX_RARE_SHARE * np.median(shares))
    return tuple(int(weekday) + 1 for weekday in np.flatnonzero(rare))


def _days_spanned(days: np.ndarray, series: np.ndarray) -> np.ndarray:
    """Return how many days of each weekday lie between the first and the last row of each series, int64 (7,)."""
    groups = pl.DataFrame({"day": days, "series": series}).group_by("series")
    spans = groups.agg(first=pl.col("day").min(), end=pl.col("day").max() + 1)
    first, end = spans["first"].to_numpy()[:, None], spans["end"].to_numpy()[:, None]
    spanned: np.ndarray = (_n_weekdays(end) - _n_weekdays(first)).sum(axis=0)
    return spanned


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


def _n_weekdays(before: np.ndarray) -> np.ndarray:
    """Return how many days of each weekday lie before days (n, 1), up to a constant, int64 (n, 7)."""
    count: np.ndarray = (before + DAYS_TO_MONDAY - np.arange(7) + 6) // 7
    return count
