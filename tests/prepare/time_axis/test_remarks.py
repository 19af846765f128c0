"""What is unusual about the times of series, and what is said of it."""

from datetime import datetime

import pandas as pd
import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series
from relight.prepare.table import CleanTable

LACKS = "Times that the table lacks between the first and the last: {}; they count as gaps."


def prepared(times: dict[str, list[str]], **asked: object) -> CleanTable:
    """Series by their names."""
    rows = [(name, time, 1.0) for name, some in times.items() for time in some]
    table = pl.DataFrame(rows, schema=["s", "t", "y"], orient="row")
    section = {"source": "x.csv", "target": "y", "task": "forecast", "ignore": [], **asked}
    return regularize_series(table, PrepareParams.model_validate({**section, "sequence": {"time": "t", "series": "s"}}))


def days(start: str, n: int, freq: str) -> list[str]:
    return [str(day.date()) for day in pd.date_range(start, periods=n, freq=freq)]


def test_a_few_saturdays_are_named() -> None:
    said = prepared({"a": sorted([*days("2018-01-01", 200, "B"), "2018-03-03"])}).schema.notes
    assert said[:2] == [
        LACKS.format(77),
        "Few rows are on Sat, the first of them '2018-03-03', and all days are predicted; delete these rows to predict "
        "only the other days.",
    ]


def test_series_that_lack_the_weekend_of_others_are_named() -> None:
    said = prepared({"open": days("2018-01-01", 280, "D"), "closed": days("2018-01-01", 200, "B")}).schema.notes
    assert said[1] == (
        "These series have no rows on some weekdays, and all days are predicted, because others have rows on them: "
        "closed."
    )


def test_hours_of_business_are_named_and_what_leaves_out_the_others() -> None:
    """Five hours on each of 15 business days, from 09:00 to 13:00; in the last hour of some days there is no row."""
    open_days = pd.date_range("2024-01-01", periods=15, freq="B")
    times = [f"{day.date()} {hour:02}:00" for n, day in enumerate(open_days) for hour in range(9, 14 - (n % 4 == 1))]
    said = prepared({"a": times}).schema.notes
    assert said[1] == (
        "All rows are between 09:00 and 13:00 on Mon, Tue, Wed, Thu and Fri, and all hours of all days are predicted; "
        "to leave out the others, number the rows in a column, and name it as the time."
    )
    whole_days = [str(time) for time in pd.date_range("2024-01-01", periods=500, freq="h") if time.hour != 7]
    assert not any(note.startswith("All rows are") for note in prepared({"a": whole_days}).schema.notes)


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S.000Z", "unix"])
def test_midnights_of_a_zone_that_are_written_in_utc_are_told_with_its_name(form: str) -> None:
    moments = pd.date_range("2021-01-01", periods=120, freq="D", tz="Europe/Berlin").tz_convert("UTC")
    texts = [str(int(time.timestamp())) if form == "unix" else time.strftime(form) for time in moments]
    with pytest.raises(InputError) as caught:
        prepared({"a": texts})
    assert caught.value.problems[0].endswith("they are midnights in Europe/Berlin: name it in prepare.zones")
    clean = prepared({"a": texts}, zones={"t": "Europe/Berlin"})
    assert clean.rows["t"].to_list() == list(moments.to_pydatetime())


def test_a_time_that_is_far_from_the_others_is_refused_before_its_grid_is_made() -> None:
    """From 2024 to 9999 there are 7976 * 365 days and 1934 leap days, of 86,400 seconds each."""
    times = [*(str(time) for time in pd.date_range("2024-01-01", periods=50, freq="s")), "9999-12-31 00:00:00"]
    with pytest.raises(InputError) as caught:
        prepared({"a": times[:50], "b": times})
    assert caught.value.problems == (
        "prepare.sequence.time: 't' must have rows at most of its steps, got 2.52e+11 steps (1 second apart) for 101 "
        "rows, from '2024-01-01 00:00:00' to '9999-12-31 00:00:00' of series 'b'; fix these times, or round them to "
        "longer steps",
    )


def test_irregular_days_of_the_month_are_told_what_to_write() -> None:
    texts = ["2021-01-03", "2021-02-05", "2021-03-04", "2021-04-07", "2021-05-02", "2021-06-11"]
    with pytest.raises(InputError) as caught:
        prepared({"a": texts})
    assert caught.value.problems[0].endswith("; if each row stands for a month, write it as 2024-01")
    assert str(prepared({"a": [text[:7] for text in texts]}).schema.series.frequency) == "1 month"  # type: ignore[union-attr]


def test_the_times_that_the_table_lacks_lie_on_the_rule_of_the_others() -> None:
    """The last business day of March 2024 is the 29th, a Friday."""
    texts = days("2023-10-01", 12, "BME")
    rows = prepared({"a": [text for text in texts if text[:7] != "2024-03"], "b": texts}).rows
    assert [str(day) for day in rows["t"].dt.date()] == [*texts, *texts]
    assert rows.filter(pl.col("y").is_null())["t"].to_list() == [datetime(2024, 3, 29)]


def test_zones_that_a_forecast_cannot_read_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        prepared({"a": days("2024-01-01", 9, "D")}, zones={"s": "UTC", "t": "Berlin"})
    assert caught.value.problems == (
        "prepare.zones: 's' is not prepare.sequence.time, and a forecast reads no other zone; delete it",
        "prepare.zones: t: must be a zone such as Europe/Berlin or UTC, got 'Berlin'",
    )


def test_a_clock_that_was_named_wrongly_is_told_apart() -> None:
    times = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin")
    with pytest.raises(InputError) as caught:
        prepared({"a": [time.strftime("%Y-%m-%d %H:%M") for time in times]}, zones={"t": "Asia/Tokyo"})
    assert "the clock of Europe/Berlin shows this hour twice" in caught.value.problems[0]
    assert "and that of Asia/Tokyo does not" in caught.value.problems[0]
