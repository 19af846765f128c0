from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from relight.data.schema import SECONDS_PER_DAY, Frequency
from relight.errors import ColumnError
from relight.prepare.times import find_time_steps, times_of_steps

ONE = np.zeros(5, dtype=np.int64)


def moments(*days: date | datetime) -> pl.Series:
    return pl.Series("time", days).cast(pl.Datetime("us"))


def test_hours_with_one_missing_and_their_way_back() -> None:
    times = moments(*(datetime(2024, 3, 31, hour) for hour in (0, 1, 2, 4, 5)))
    numbers, frequency = find_time_steps(times, ONE)
    assert (numbers.tolist(), str(frequency), frequency.season) == ([0, 1, 2, 4, 5], "1 hour", 24)
    assert times_of_steps(pl.Series(numbers), times[0], frequency).to_list() == times.to_list()


@pytest.mark.parametrize(
    ("days", "text", "season"),
    [
        ([date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)], "1 month", 12),
        ([date(2024, 1, 15), date(2024, 2, 15), date(2024, 3, 15), date(2024, 5, 15)], "1 month", 12),
        ([date(2023, 10, 1), date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1)], "3 months", 4),
        ([date(2020, 2, 29), date(2020, 3, 7), date(2020, 3, 14), date(2020, 3, 28)], "1 week", 52),
        ([date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2020, 3, 2)], "1 day", 7),
    ],
)
def test_months_weeks_and_days_go_there_and_back(days: list[date], text: str, season: int) -> None:
    times = moments(*days)
    numbers, frequency = find_time_steps(times, ONE[:4])
    assert (str(frequency), frequency.season) == (text, season)
    assert times_of_steps(pl.Series(numbers), times[0], frequency).to_list() == times.to_list()


def test_whole_numbers_count_in_their_own_steps() -> None:
    numbers, frequency = find_time_steps(pl.Series("t", [10.0, 15.0, 20.0, 30.0, 35.0]), ONE)
    assert (numbers.tolist(), frequency) == ([0, 1, 2, 4, 5], Frequency(unit="number", every=5))
    assert times_of_steps(pl.Series(numbers), 10.0, frequency).to_list() == [10.0, 15.0, 20.0, 30.0, 35.0]


def test_series_share_one_grid_and_do_not_look_at_each_other() -> None:
    times = moments(date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 4))
    numbers, frequency = find_time_steps(times, np.array([0, 0, 1, 1, 1]))
    assert (numbers.tolist(), frequency.every) == ([0, 1, 0, 2, 3], SECONDS_PER_DAY)


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (moments(*[date(2024, 1, 1)] * 2, *[date(2024, 1, day) for day in (2, 3, 4)]), "must hold each time once, got"),
        (
            moments(*(datetime(2024, 1, day, hour) for day, hour in ((1, 0), (2, 0), (3, 0), (3, 7), (4, 0)))),
            "must have one frequency, got most times 1 day apart and '2024-01-03 07:00:00' between",
        ),
        (pl.Series("t", [1.0, 2.0, 2.5, 3.0, 4.0]), "must be dates or whole numbers, got 2.5"),
        (moments(*(datetime(2024, 1, 1, 0, 0, second, 500) for second in range(5))), "must be on whole seconds"),
    ],
)
def test_times_that_are_on_no_grid_are_named(times: pl.Series, problem: str) -> None:
    with pytest.raises(ColumnError) as caught:
        find_time_steps(times, ONE)
    assert problem in str(caught.value)
