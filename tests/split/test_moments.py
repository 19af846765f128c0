from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from relight.data.features import DatePart
from relight.split.encoding import date_part, has_time_of_day

TIMES = pl.Series(
    [datetime(2000, 1, 1), None, datetime(2024, 2, 29, 18, 30), datetime(1999, 12, 31, 23, 59, 59, 999999)]
)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("year", [2000, np.nan, 2024, 1999]),
        ("month", [1, np.nan, 2, 12]),
        ("weekday", [6, np.nan, 4, 5]),  # Saturday, Thursday, Friday
        ("hour", [0, np.nan, 18, 23]),
        # 24 years with 6 leap days, 31 + 28 days, 18.5 of 24 hours; a microsecond before the start
        ("elapsed", [0, np.nan, 24 * 365 + 6 + 59 + 18.5 / 24, -1e-6 / 86400]),
    ],
)
def test_the_numbers_of_a_date_by_hand(part: DatePart, expected: list[float]) -> None:
    np.testing.assert_allclose(date_part(TIMES, part), expected, rtol=1e-15)


@pytest.mark.parametrize("n_years", [1, 90])
def test_the_numbers_are_those_of_the_calendar(n_years: int) -> None:
    days = [datetime(1950 + k % n_years, 1 + k % 12, 1 + k % 28, k % 24, k % 60) for k in range(3000)]
    parts: list[DatePart] = ["year", "month", "weekday", "hour"]
    found = np.stack([date_part(pl.Series(days), part) for part in parts], axis=1)
    assert found.tolist() == [[day.year, day.month, day.isoweekday(), day.hour] for day in days]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_the_unit_of_the_times_does_not_matter(unit: pl._typing.TimeUnit) -> None:
    times = pl.Series([datetime(2024, 2, 29, 18, 30)]).cast(pl.Datetime(unit))
    assert date_part(times, "elapsed").tolist() == [24 * 365 + 6 + 59 + 18.5 / 24]
    assert has_time_of_day(times)


def test_days_have_no_hours() -> None:
    midnights = pl.Series([datetime(2024, 1, 1), None, datetime(1960, 1, 1)])
    assert not has_time_of_day(midnights)
    assert not has_time_of_day(pl.Series([date(2024, 1, 1)]))
    assert not has_time_of_day(pl.Series([None], dtype=pl.Datetime("us")))
    assert has_time_of_day(pl.concat([midnights, pl.Series([datetime(1960, 1, 1, 0, 0, 1)])]))


def test_no_times_have_no_numbers() -> None:
    parts: list[DatePart] = ["year", "month", "weekday", "hour", "elapsed"]
    for part in parts:
        assert date_part(pl.Series([], dtype=pl.Datetime("us")), part).shape == (0,)
        assert np.isnan(date_part(pl.Series([None], dtype=pl.Datetime("us")), part)).all()
