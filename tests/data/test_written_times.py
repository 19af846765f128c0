from datetime import date, datetime

import polars as pl

from relight.data.calendar import format_times
from relight.data.written_times import UTC_FORM, write_times

SECOND, NOON = datetime(2024, 1, 2), datetime(2024, 1, 1, 12)


def written(*times: datetime) -> str:
    """Return the first time as a CSV has it."""
    column = pl.Series("t", times, dtype=pl.Datetime("us"))
    return format_times(column.head(1), column).to_frame().write_csv(include_header=False).strip()


def test_days_are_days_and_a_time_of_the_day_is_told_of_each_where_one_has_it() -> None:
    assert written(SECOND, SECOND) == "2024-01-02"
    assert written(SECOND, NOON) == "2024-01-02T00:00:00"
    assert written(NOON, SECOND) == "2024-01-01T12:00:00"
    assert written(SECOND, datetime(2024, 1, 1, 12, 0, 0, 500)) == "2024-01-02T00:00:00.000000"


def test_numbers_stay() -> None:
    years = pl.Series([1958, 1959])
    assert format_times(years, years).equals(years)
    assert format_times(pl.Series([date(2024, 1, 2)]), pl.Series([date(2024, 1, 2)])).dtype == pl.Date


def in_berlin(*times: datetime) -> pl.Series:
    return pl.Series(times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")


def test_times_with_a_zone_are_written_with_their_offset() -> None:
    """Summer time ends on the 27th of October 2024 at 01:00 UTC."""
    times = in_berlin(datetime(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 1, 30))
    assert format_times(times, times).to_list() == ["2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00"]
    assert write_times(times, UTC_FORM, times).to_list() == ["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"]
    assert write_times(times, "unix:1000", times).to_list() == [1729989000000, 1729992600000]


def test_whole_numbers_are_written_without_a_point() -> None:
    assert write_times(pl.Series([180.0, 181.0]), None, pl.Series([180.0])).to_list() == [180, 181]


def test_halves_quarters_and_parts_of_years_by_hand() -> None:
    times = pl.Series([date(2024, 1, 1), date(2024, 12, 1)]).cast(pl.Datetime("us"))
    known = {
        "%YH{half}": ["2024H1", "2024H2"],
        "Q%q/%Y": ["Q1/2024", "Q4/2024"],
        "%Y%q": [20241, 20244],
        "year.month:": [2024.01, 2024.12],
        "year.part:3": [2024.0, 2024.917],
    }
    for form, written in known.items():
        assert write_times(times, form, times).to_list() == written
