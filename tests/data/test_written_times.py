from datetime import date, datetime

import polars as pl

from relight.data.calendar import format_times

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
