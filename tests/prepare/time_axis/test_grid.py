"""Times on a grid and back: what follows them was written out by hand, or comes from the calendar of pandas."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest

from relight.data.schema import SECONDS_PER_DAY, Frequency
from relight.errors import ColumnError
from relight.prepare.time_axis.axes import SeriesTimes
from relight.prepare.time_axis.grid import TimeSteps, find_time_steps
from relight.prepare.time_axis.stepping import Anchors, step_times, times_after


def moments(*days: date | datetime) -> pl.Series:
    return pl.Series("time", days).cast(pl.Datetime("us"))


def steps_of(times: pl.Series, known: Frequency | None = None) -> TimeSteps:
    """The steps of one series."""
    return find_time_steps(SeriesTimes(times, np.zeros(len(times), dtype=np.int64)), known)


def back(numbers: np.ndarray, times: pl.Series, frequency: Frequency) -> list[object]:
    begin = times.head(1).new_from_index(0, len(numbers))
    days = np.full(len(numbers), times.dt.day().max() if times.dtype != pl.Float64 else 1)
    return step_times(Anchors(begin, days), numbers, frequency).to_list()


def test_hours_with_one_missing_and_their_way_back() -> None:
    times = moments(*(datetime(2024, 3, 31, hour) for hour in (0, 1, 2, 4, 5)))
    numbers, frequency = steps_of(times)
    assert (numbers.tolist(), str(frequency), frequency.season) == ([0, 1, 2, 4, 5], "1 hour", 24)
    assert back(numbers, times, frequency) == times.to_list()


@pytest.mark.parametrize(
    ("days", "text", "season"),
    [
        ([date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)], "1 month", 12),
        ([date(2024, 1, 15), date(2024, 2, 15), date(2024, 3, 15), date(2024, 5, 15)], "1 month", 12),
        ([date(2024, 1, 30), date(2024, 2, 29), date(2024, 3, 30), date(2024, 5, 30)], "1 month", 12),
        ([date(2023, 10, 1), date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1)], "3 months", 4),
        ([date(2020, 2, 29), date(2020, 3, 7), date(2020, 3, 14), date(2020, 3, 28)], "1 week", 52),
        ([date(2020, 2, 28), date(2020, 2, 29), date(2020, 3, 1), date(2020, 3, 2)], "1 day", 7),
    ],
)
def test_months_weeks_and_days_go_there_and_back(days: list[date], text: str, season: int) -> None:
    times = moments(*days)
    numbers, frequency = steps_of(times)
    assert (str(frequency), frequency.season) == (text, season)
    assert back(numbers, times, frequency) == times.to_list()


def test_whole_numbers_count_in_their_own_steps() -> None:
    times = pl.Series("t", [10.0, 15.0, 20.0, 30.0, 35.0])
    numbers, frequency = steps_of(times)
    assert (numbers.tolist(), frequency) == ([0, 1, 2, 4, 5], Frequency(unit="number", every=5))
    assert back(numbers, times, frequency) == [10.0, 15.0, 20.0, 30.0, 35.0]
    assert times_after(times, 2, frequency).to_list() == [40.0, 45.0]


def test_series_share_one_grid_and_do_not_look_at_each_other() -> None:
    times = moments(date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 1), date(2024, 1, 3), date(2024, 1, 4))
    numbers, frequency = find_time_steps(SeriesTimes(times, np.array([0, 0, 1, 1, 1])))
    assert (numbers.tolist(), frequency.every) == ([0, 1, 0, 2, 3], SECONDS_PER_DAY)


def test_weeks_that_begin_on_different_days_have_a_grid_each() -> None:
    """Mondays from the first of January 2018, Sundays from the seventh: the Sunday lies within the first week."""
    mondays = [date(2018, 1, 1), date(2018, 1, 8), date(2018, 1, 15)]
    sundays = [date(2018, 1, 7), date(2018, 1, 14), date(2018, 1, 28)]
    times = moments(*mondays, *sundays)
    numbers, frequency = find_time_steps(SeriesTimes(times, np.repeat([0, 1], 3), ("a", "b")))
    assert (numbers.tolist(), str(frequency)) == ([0, 1, 2, 0, 1, 3], "1 week")
    assert times_after(times[3:], 2, frequency).dt.date().to_list() == [date(2018, 2, 4), date(2018, 2, 11)]


@pytest.mark.parametrize(
    ("frequency", "said"),
    [
        ("D", "1 day"), ("h", "1 hour"), ("15min", "15 minutes"), ("W-WED", "1 week"), ("2W-SAT", "2 weeks"),
        ("MS", "1 month"), ("ME", "1 month"), ("BME", "1 month"), ("BMS", "1 month"), ("WOM-3FRI", "1 month"),
        ("WOM-2TUE", "1 month"), ("QS", "3 months"), ("QE", "3 months"), ("BQE", "3 months"), ("QE-NOV", "3 months"),
        ("YS", "12 months"), ("YE-JUN", "12 months"), ("B", "1 business day"), ("2MS", "2 months"),
    ],
)  # fmt: skip
def test_the_next_times_are_those_of_pandas(frequency: str, said: str) -> None:
    known = pd.date_range("2019-03-01", periods=70, freq=frequency)
    seen, ahead = moments(*known[:60].to_pydatetime()), known[60:].to_pydatetime().tolist()
    found = steps_of(seen)
    assert (str(found.frequency), found.step_numbers.tolist()) == (said, list(range(60)))
    assert times_after(seen, 10, found.frequency).to_list() == ahead


@pytest.mark.parametrize(
    ("weekmask", "weekdays", "said"),
    [
        ("Mon Tue Wed Thu Fri Sat", (1, 2, 3, 4, 5, 6), "1 day of Mon, Tue, Wed, Thu, Fri, Sat"),
        ("Sun Mon Tue Wed Thu", (1, 2, 3, 4, 7), "1 day of Mon, Tue, Wed, Thu, Sun"),
        ("Mon Wed Fri", (1, 3, 5), "1 day of Mon, Wed, Fri"),
    ],
)
def test_days_without_rows_are_never_predicted(weekmask: str, weekdays: tuple[int, ...], said: str) -> None:
    known = pd.bdate_range("2021-02-01", periods=90, freq="C", weekmask=weekmask)
    kept = known[:80].delete([7, 30, 31])  # holidays
    seen = moments(*kept.to_pydatetime())
    numbers, frequency = steps_of(seen)
    assert (frequency.weekdays, str(frequency), frequency.season) == (weekdays, said, len(weekdays))
    assert numbers.tolist() == np.delete(np.arange(80), [7, 30, 31]).tolist()
    assert times_after(seen, 10, frequency).to_list() == known[80:].to_pydatetime().tolist()


def test_a_week_or_missing_days_are_not_yet_business_days() -> None:
    days = [date(2024, 1, day) for day in (1, 2, 3, 4, 5, 8, 9, 10)]
    assert str(steps_of(moments(*days)).frequency) == "1 day"
    drawn = np.flatnonzero(np.random.default_rng(0).random(60) < 0.5)
    some = [date(2024, 1, 1) + pd.Timedelta(days=int(day)) for day in drawn if day % 7 != 6]
    assert str(steps_of(moments(*some)).frequency) == "1 day"


def test_a_last_business_day_may_be_a_holiday() -> None:
    """Exchanges are closed on Good Friday, the 29th of March 2024."""
    days = pd.date_range("2023-01-01", periods=18, freq="BME").to_pydatetime().tolist()
    days[14] = datetime(2024, 3, 28)
    found = steps_of(moments(*days))
    assert found.frequency.month_day == "last business day"
    assert found.step_numbers.tolist() == list(range(18))
    assert times_after(moments(*days), 2, found.frequency).to_list() == [datetime(2024, 7, 31), datetime(2024, 8, 30)]


@pytest.mark.parametrize(
    ("known", "days", "following"),
    [
        (Frequency(unit="month", every=1, month_end=True), [date(2024, 1, 1), date(2024, 2, 1)], date(2024, 3, 1)),
        (Frequency(unit="month", every=1, month_day="last business day"), [date(2024, 5, 31)], date(2024, 6, 28)),
        (Frequency(unit="second", every=86_400, weekdays=(1, 2, 3, 4, 5)), [date(2024, 1, 5)], date(2024, 1, 8)),
        (Frequency(unit="second", every=7 * 86_400), [date(2024, 1, 5)], date(2024, 1, 12)),
        (
            Frequency(unit="second", every=86_400),
            [date(2024, 1, 1) + pd.Timedelta(days=day) for day in range(40) if day % 7 < 5],
            date(2024, 2, 10),
        ),
    ],
)
def test_few_rows_have_the_frequency_of_those_that_they_follow(
    known: Frequency, days: list[date], following: date
) -> None:
    found = steps_of(moments(*days), known)
    assert found.frequency.has_steps_of(known)
    assert times_after(moments(*days), 1, found.frequency).dt.date().to_list() == [following]


def test_rows_of_another_frequency_keep_their_own() -> None:
    weeks = moments(date(2024, 1, 1), date(2024, 1, 8), date(2024, 1, 15))
    assert str(steps_of(weeks, Frequency(unit="second", every=86_400)).frequency) == "1 week"


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        (moments(*[date(2024, 1, 1)] * 2, *[date(2024, 1, day) for day in (2, 3, 4)]), "must hold each time once, got"),
        (
            moments(*(datetime(2024, 1, day, hour) for day, hour in ((1, 0), (2, 0), (3, 0), (3, 7), (4, 0)))),
            "must have one frequency, got most times 1 day apart and '2024-01-03 07:00:00' between",
        ),
        (pl.Series("t", [1.0, 2.0, 3.0, 4.0, 1e25]), "must be dates or numbers below 2**62, got 1e+25"),
        (pl.Series("t", [1.0, 2.0, 2.5, 3.0, 4.0]), "must be dates or whole numbers, got 2.5"),
        (moments(*(datetime(2024, 1, 1, 0, 0, second, 500) for second in range(5))), "must be on whole seconds"),
    ],
)
def test_times_that_are_on_no_grid_are_named(times: pl.Series, problem: str) -> None:
    with pytest.raises(ColumnError) as caught:
        steps_of(times)
    assert problem in str(caught.value)


def test_a_time_between_the_steps_is_named_with_its_series_and_as_the_file_has_it() -> None:
    days = [date(2024, 1, day) for day in (1, 8, 15)]
    times = moments(*days, *days, date(2024, 1, 17))
    written = pl.Series(["a", "b", "c", "d", "e", "f", "17/01/2024"])
    with pytest.raises(ColumnError) as caught:
        find_time_steps(SeriesTimes(times, np.array([0, 0, 0, 1, 1, 1, 1]), ("x", "y"), written))
    assert str(caught.value) == (
        "must have one frequency, got most times 1 week apart and '17/01/2024' of series 'y' between them (1 such row);"
        " bring the rows to one frequency"
    )


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (("2018-01-01", 600, "h"), ("2018-01-26", 60, "D"), "1 hour, 2018-01-26, 59 steps of 1 day"),
        (("2018-01-01", 60, "MS"), ("2023-01-01", 12, "QS"), "1 month, 2023-01-01, 11 steps of 3 months"),
        (("2000-01-01", 20, "YS"), ("2020-01-01", 40, "MS"), "1 month, 2000-01-01, 20 steps of 12 months"),
    ],
)
def test_a_series_that_changes_its_frequency_is_refused(
    first: tuple[str, int, str], then: tuple[str, int, str], says: str
) -> None:
    days = [
        day for start, n, freq in (first, then) for day in pd.date_range(start, periods=n, freq=freq).to_pydatetime()
    ]
    with pytest.raises(ColumnError) as caught:
        steps_of(moments(*days))
    usual, since, other = says.split(", ")
    assert str(caught.value) == (
        f"must have one frequency, got most times {usual} apart and, from '{since} 00:00:00' on, {other}; "
        "bring the rows to one frequency"
    )


@pytest.mark.parametrize(("freq", "length"), [("W", "1 week"), ("MS", "31 days"), ("2D", "2 days")])
def test_a_series_of_another_frequency_than_the_others_is_refused_by_its_name(freq: str, length: str) -> None:
    daily = pd.date_range("2018-01-01", periods=90, freq="D").to_pydatetime()
    other = pd.date_range("2018-01-01", periods=20, freq=freq).to_pydatetime()
    rows = SeriesTimes(moments(*daily, *other), np.repeat([0, 1], [90, 20]), ("fast", "slow"))
    with pytest.raises(ColumnError, match=f"got steps of {length} of series 'slow', and of 1 day of others"):
        find_time_steps(rows)


def test_rows_that_are_missing_at_random_are_one_frequency() -> None:
    drawn = np.random.default_rng(0)
    for share in (0.9, 0.6, 0.3):
        days = np.flatnonzero(drawn.random(2000) < share)
        times = moments(*(datetime(2018, 1, 1) + pd.Timedelta(days=int(day)) for day in days))
        assert str(steps_of(times).frequency) == "1 day"


def test_items_that_are_seldom_sold_are_one_frequency() -> None:
    """2000 items, each on some 6 of 700 days: some of them have equal steps by chance."""
    drawn = np.random.default_rng(0)
    dense = np.arange(700)
    items = [dense, *(np.sort(drawn.choice(700, size=6, replace=False)) for _ in range(2000))]
    times = (pl.Series(np.concatenate(items)) * 86_400_000_000).cast(pl.Datetime("us"))
    codes = np.repeat(np.arange(len(items)), [len(item) for item in items])
    found = find_time_steps(SeriesTimes(times, codes, tuple(map(str, range(len(items))))))
    assert str(found.frequency) == "1 day"
