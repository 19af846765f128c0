from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from relight.data.calendar import find_cycles, fourier_feature_names, fourier_features
from relight.data.schema import SECONDS_PER_DAY, Frequency

HOUR = Frequency(unit="second", every=3600)


def hours(n: int) -> pl.Series:
    return pl.Series([datetime(2000, 1, 1) + timedelta(hours=hour) for hour in range(n)]).cast(pl.Datetime("us"))


@pytest.mark.parametrize(
    ("n_hours", "names"), [(40, []), (49, ["day"]), (24 * 14 + 1, ["week", "day"]), (24 * 731, ["year", "week", "day"])]
)
def test_a_cycle_counts_once_the_train_rows_show_it_twice(n_hours: int, names: list[str]) -> None:
    assert [cycle.name for cycle in find_cycles(hours(n_hours), HOUR, 24)] == names


def test_a_quarter_of_a_day_is_a_quarter_of_its_wave() -> None:
    cycles = find_cycles(hours(49), HOUR, 24)
    assert fourier_feature_names(cycles) == ["day.sin1", "day.cos1", "day.sin2", "day.cos2", "day.sin3", "day.cos3"]
    np.testing.assert_allclose(fourier_features(hours(7), cycles)[6], [1, 0, 0, -1, -1, 0], atol=1e-6)


def test_weeks_see_no_wave_shorter_than_two_of_them() -> None:
    days = pl.Series([datetime(2000, 1, 1) + timedelta(weeks=week) for week in range(150)]).cast(pl.Datetime("us"))
    (year,) = find_cycles(days, Frequency(unit="second", every=7 * SECONDS_PER_DAY), 52)
    assert (year.name, year.harmonics) == ("year", 3)


def test_numbers_repeat_by_their_season() -> None:
    (cycle,) = find_cycles(pl.Series([float(n) for n in range(0, 40, 2)]), Frequency(unit="number", every=2), 4)
    assert (cycle.name, cycle.period, cycle.harmonics) == ("season", 8.0, 2)
    np.testing.assert_allclose(fourier_features(pl.Series([0.0, 2.0, 4.0]), [cycle])[:, 0], [0, 1, 0], atol=1e-6)


def test_a_week_of_five_business_days_has_two_waves() -> None:
    """A wave needs more than two points."""
    days = pl.Series([datetime(2024, 1, 1) + timedelta(weeks=n // 5, days=n % 5) for n in range(100)])
    business = Frequency(unit="second", every=SECONDS_PER_DAY, weekdays=(1, 2, 3, 4, 5))
    (week,) = find_cycles(days.cast(pl.Datetime("us")), business, 5)
    assert (week.name, week.harmonics) == ("week", 2)


def test_waves_follow_the_clock_of_the_zone() -> None:
    """Six o'clock is a quarter of a day in Berlin, in winter and in summer."""
    local = pl.Series([datetime(2024, 1, 10, 6), datetime(2024, 7, 10, 6)]).cast(pl.Datetime("us"))
    cycles = find_cycles(hours(49), HOUR, 24)
    zoned = fourier_features(local.dt.replace_time_zone("Europe/Berlin"), cycles)
    np.testing.assert_array_equal(zoned, fourier_features(local, cycles))
    np.testing.assert_allclose(zoned[:, 0], [1, 1], atol=1e-6)
