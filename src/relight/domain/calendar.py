"""The numbers of a date, from its microseconds: with them a graph reads dates as `encoding` reads a table."""

from typing import NamedTuple

import torch
from torch import Tensor

from relight.domain.features import Moment
from relight.domain.feeding import NO_DATE

DAY = 86_400_000_000
TO_YEAR_0 = 719_468  # days from 0000-03-01 to 1970-01-01: every later count of days is positive
TO_2000 = 10_957  # days from 1970-01-01 to 2000-01-01


class _Date(NamedTuple):
    year: Tensor
    month: Tensor


def numbers_of_date(microseconds: Tensor, moment: Moment) -> Tensor:
    """One number of each date, float32; NaN for a gap.

    **Shape**: any, int64 since 1970-01-01, from the year 0 on; the same out.
    """
    since_year_0 = microseconds + TO_YEAR_0 * DAY
    days = since_year_0 // DAY
    match moment:
        case "year":
            number = _date(days).year
        case "month":
            number = _date(days).month
        case "weekday":
            number = (days + 2) % 7 + 1  # 0000-03-01 was a Wednesday
        case "hour":
            number = since_year_0 % DAY // (DAY // 24)
        case "elapsed":
            number = (microseconds - TO_2000 * DAY).double() / DAY
    return torch.where(microseconds == NO_DATE, torch.nan, number.float())


def _date(days: Tensor) -> _Date:
    """Howard Hinnant, 2013, "chrono-compatible low-level date algorithms", civil_from_days.

    A year that begins in March has its leap day at the end, and 400 of them always have 146,097 days.
    """
    of_era = days % 146_097
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    from_march = (5 * of_year + 2) // 153
    month = (from_march + 2) % 12 + 1
    year = days // 146_097 * 400 + years + (month <= 2).long()
    return _Date(year, month)
