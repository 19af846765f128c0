"""The time column as files write it: the times were written out by hand."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from relight.data.schema import Frequency, SeriesSchema
from relight.data.written_times import write_times
from relight.errors import ColumnError
from relight.prepare.time_axis.reading import TimeColumn, read_times


def read(values: list[object] | pl.Series, zone: str | None = None, known: SeriesSchema | None = None) -> TimeColumn:
    raw = values if isinstance(values, pl.Series) else pl.Series("t", values)
    return read_times(raw, pl.repeat("", len(raw), eager=True), zone, known)


def known_as(form: str | None = None, zone: str | None = None) -> SeriesSchema:
    """A trained series with a form or a zone."""
    month = Frequency(unit="month", every=1)
    return SeriesSchema(
        time="t", series=None, length=2, horizon=1, step=1, season=1, fill="forward", known=[], frequency=month,
        form=form, zone=zone,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "times"),
    [
        (["2024-01", "2024-12"], [date(2024, 1, 1), date(2024, 12, 1)]),
        (["1949/01", "1949/02"], [date(1949, 1, 1), date(1949, 2, 1)]),
        (["2024M1", "2024M12"], [date(2024, 1, 1), date(2024, 12, 1)]),
        (["Sept 2024", "Oct 2024"], [date(2024, 9, 1), date(2024, 10, 1)]),
        (["Dec-99", "Jan-00"], [date(1999, 12, 1), date(2000, 1, 1)]),
        (["Jan-49", "Feb-49"], [date(1949, 1, 1), date(1949, 2, 1)]),
        (["2024 Jan", "2024 Feb"], [date(2024, 1, 1), date(2024, 2, 1)]),
        (["2024年1月", "2024年12月"], [date(2024, 1, 1), date(2024, 12, 1)]),
        (["1990q1", "1990q4"], [date(1990, 1, 1), date(1990, 10, 1)]),
        (["1990:Q2", "1990:Q3"], [date(1990, 4, 1), date(1990, 7, 1)]),
        (["3Q2024", "4Q2024"], [date(2024, 7, 1), date(2024, 10, 1)]),
        (["2024H1", "2024H2"], [date(2024, 1, 1), date(2024, 7, 1)]),
        (["2024-S2", "2025-S1"], [date(2024, 7, 1), date(2025, 1, 1)]),
        (["2020-W53", "2021-W01"], [date(2020, 12, 28), date(2021, 1, 4)]),  # ISO 8601: week 1 has the first Thursday
        (["W52 2024", "W1 2025"], [date(2024, 12, 23), date(2024, 12, 30)]),
        (["2024-W05-3", "2024-W06-7"], [date(2024, 1, 31), date(2024, 2, 11)]),
        (["2024/1/31", "2024/12/1"], [date(2024, 1, 31), date(2024, 12, 1)]),
        (["31.01.2024", "01.02.2024"], [date(2024, 1, 31), date(2024, 2, 1)]),
        (["01.02.2024", "02.02.2024"], [date(2024, 2, 1), date(2024, 2, 2)]),  # with points, days stand first
        (["1/2/2024", "13/2/2024"], [date(2024, 2, 1), date(2024, 2, 13)]),
        (["1/2/2024", "1/13/2024"], [date(2024, 1, 2), date(2024, 1, 13)]),
        (["31-JAN-2024", "29-FEB-2024"], [date(2024, 1, 31), date(2024, 2, 29)]),
        (["January 5, 2024", "Feb 29, 2024"], [date(2024, 1, 5), date(2024, 2, 29)]),
        (["1/31/2024 1:05 PM", "2/1/2024 12:00 AM"], [datetime(2024, 1, 31, 13, 5), datetime(2024, 2, 1)]),
        (["1/31/2024 1:05 pm", "2/1/2024 12:30 am"], [datetime(2024, 1, 31, 13, 5), datetime(2024, 2, 1, 0, 30)]),
        (["2024/01/31 05:06", "2024/01/31 15:06:07"], [datetime(2024, 1, 31, 5, 6), datetime(2024, 1, 31, 15, 6, 7)]),
        (["2024-01-31 05:06 UTC", "2024-01-31 05:07 GMT"], [datetime(2024, 1, 31, 5, 6), datetime(2024, 1, 31, 5, 7)]),
    ],
)  # fmt: skip
def test_texts_are_read(texts: list[object], times: list[date | datetime]) -> None:
    assert read(texts).values.to_list() == pl.Series(times).cast(pl.Datetime("us")).to_list()


@pytest.mark.parametrize(
    ("numbers", "times"),
    [
        ([202312, 202401], [date(2023, 12, 1), date(2024, 1, 1)]),
        ([20231231, 20240101], [date(2023, 12, 31), date(2024, 1, 1)]),
        ([2023123123, 2024010100], [datetime(2023, 12, 31, 23), datetime(2024, 1, 1)]),
        ([202312312359, 202401010000], [datetime(2023, 12, 31, 23, 59), datetime(2024, 1, 1)]),
        ([202052, 202053, 202101], [date(2020, 12, 21), date(2020, 12, 28), date(2021, 1, 4)]),
        ([20234, 20241, 20242, 20243, 20244], [date(2023, 10, 1), *(date(2024, m, 1) for m in (1, 4, 7, 10))]),
        ([1949.917, 1950.0, 1950.083], [date(1949, 12, 1), date(1950, 1, 1), date(1950, 2, 1)]),
        ([1949.75, 1950.0, 1950.25], [date(1949, 10, 1), date(1950, 1, 1), date(1950, 4, 1)]),
        ([1871.09, 1871.1, 1871.11], [date(1871, 9, 1), date(1871, 10, 1), date(1871, 11, 1)]),
        ([1704067200, 1704070800], [datetime(2024, 1, 1), datetime(2024, 1, 1, 1)]),
        ([1704067200000, 1704070800000], [datetime(2024, 1, 1), datetime(2024, 1, 1, 1)]),
        ([1704067200 * 10**9, 1704070800 * 10**9], [datetime(2024, 1, 1), datetime(2024, 1, 1, 1)]),
    ],
)  # fmt: skip
def test_numbers_are_read_and_written_back(numbers: list[object], times: list[date | datetime]) -> None:
    found = read(numbers)
    assert found.values.to_list() == pl.Series(times).cast(pl.Datetime("us")).to_list()
    assert write_times(found.values, found.form, found.values).to_list() == numbers
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    "numbers",
    [
        list(range(202401, 202501)),  # 202413 is no month
        list(range(100, 160)),
        [1990, 1991, 1992],  # years, one apart
        [1_700_000_000_000 + 100 * n for n in range(9)],  # tenths of a second
        [0, 1, 2],
        [-202401, -202402],
    ],
)
def test_other_numbers_stay_numbers(numbers: list[object]) -> None:
    found = read(numbers)
    assert (found.values.to_list(), found.form, found.notes) == (numbers, None, ())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            [*(f"2024-{month:02}" for month in range(1, 13)), "2025-13"],
            "row 13 must be a month such as 2024-01, as most rows, got '2025-13'; fix the value, or drop the row",
        ),
        (["2020-W53", "2021-W53"], "row 2 must be a week such as 2024-W05, as most rows, got '2021-W53'; fix"),
        ([*range(202401, 202413), 202513], "row 13 must be one of the months such as 202401, as most rows, got 202513"),
        (["01/02/2024", "02/02/2024"], "can be read in one way, got '01/02/2024': either may be the month; write them"),
        (["13/02/2024", "02/13/2024"], "got '13/02/2024': in some rows the day stands first, in others the month; wr"),
        (["2024-02-30", "2024-02-29"], "row 1 must be a date such as 2020-01-31 or 2020-01-31 12:30:00, as most rows"),
        (["spring", "summer"], "2024Q1 or 2024-W05, or whole numbers, to order the rows by, got 'spring'"),
        (["Jan-01", "Jan-02", "Jan-03"], "that can be read in one way, got 'Jan-01'; write them as 2020-01-31"),
        (["1/31/24", "2/1/24"], "to order the rows by, got '1/31/24'"),
        (["1", *"234567890", "x"], "row 11 must be a number, as most rows, got 'x'; fix the value, or drop the row"),
        (["0000-01", "0000-02"], "row 1 must be of the years 1 to 9999, got '0000-01'; fix the value"),
        (["2024-01", None], "has 1 gap; give each row a time, or drop these rows"),
        ([2024.0, float("nan")], "has 1 gap; give each row a time, or drop these rows"),
        (
            ["2024-01-01T00:00+01:00", "2024-01-02T00:00"],
            "row 2 must have an offset such as +01:00, as other rows, got '2024-01-02T00:00'; add it",
        ),
    ],
)  # fmt: skip
def test_what_is_no_time_is_named(values: list[object], says: str) -> None:
    with pytest.raises(ColumnError) as caught:
        read(values)
    assert says in str(caught.value)


def test_few_rows_are_read_in_the_form_that_they_follow() -> None:
    assert read(["01/02/2024"], known=known_as("%d/%m/%Y")).values.to_list() == [datetime(2024, 2, 1)]
    assert read(["01/02/2024"], known=known_as("%m/%d/%Y")).values.to_list() == [datetime(2024, 1, 2)]
    assert read([202410, 202411], known=known_as("%G%V")).values.to_list() == [
        datetime(2024, 3, 4),
        datetime(2024, 3, 11),
    ]
    assert read([20241], known=known_as("%Y%q")).values.to_list() == [datetime(2024, 1, 1)]
    assert read([2024.0], known=known_as("year.part:3")).values.to_list() == [datetime(2024, 1, 1)]


@pytest.mark.parametrize(
    ("texts", "zone", "written"),
    [
        (["2024-03-30T00:00:00+01:00", "2024-04-01T00:00:00+02:00"], "Europe/Berlin", None),
        (["2024-03-30 00:00:00+01", "2024-04-01 00:00:00+02"], "Europe/Berlin", "T:00"),  # as PostgreSQL writes them
        (["2024-03-09T00:00:00-05:00", "2024-03-11T00:00:00-04:00"], "America/New_York", None),
        (["2024-03-09T00:00:00+04:30", "2024-07-11T00:00:00+04:30"], "Asia/Kabul", None),
        (["2024-03-09T00:00:00Z", "2024-07-11T00:00:00Z"], None, None),
        (["2024-03-09T00:00:00+00:00", "2024-07-11T00:00:00+00:00"], None, None),
    ],
)
def test_the_zone_is_that_of_the_offsets_and_what_follows_has_them(
    texts: list[object], zone: str | None, written: str | None
) -> None:
    found = read(texts)
    assert isinstance(found.values.dtype, pl.Datetime)
    assert found.values.dtype.time_zone == zone
    expected = [str(text).replace(" ", "T") + ":00" for text in texts] if written else texts
    assert write_times(found.values, found.form, found.values).to_list() == expected


def test_days_of_several_zones_are_those_that_the_file_shows() -> None:
    days = [datetime(2024, 3, 1) + timedelta(days=day) for day in range(60)]
    berlin = pl.Series(days).dt.replace_time_zone("Europe/Berlin").dt.to_string("%Y-%m-%dT%H:%M:%S%:z")
    york = pl.Series(days).dt.replace_time_zone("America/New_York").dt.to_string("%Y-%m-%dT%H:%M:%S%:z")
    found = read(pl.concat([berlin, york]))
    assert found.values.to_list() == [*days, *days]
    assert found.notes == ("has offsets of several zones; its days are those that it shows",)


def test_an_hour_that_comes_twice_is_told_apart_by_the_order_of_the_rows() -> None:
    """In Berlin 02:30 came at 00:30 UTC, and again at 01:30 UTC; the newest row may stand first."""
    hours = ["2024-10-27 01:30", "2024-10-27 02:30", "2024-10-27 02:30", "2024-10-27 03:30"]
    moments = [datetime(2024, 10, 26, 23, 30, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)]
    for newest_first in (False, True):
        found = read(hours[::-1] if newest_first else hours, "Europe/Berlin").values.dt.convert_time_zone("UTC")
        assert found.to_list() == (moments[::-1] if newest_first else moments)


def test_new_rows_take_the_clock_of_the_model() -> None:
    berlin, utc = known_as(zone="Europe/Berlin"), known_as(form="%Y-%m-%dT%H:%M:%SZ")
    noon = datetime(2024, 2, 1, 12, tzinfo=UTC)
    for text, known in (
        ("2024-02-01 13:00", berlin),
        ("2024-02-01T12:00:00Z", berlin),
        ("2024-02-01T07:00-05:00", berlin),
    ):
        assert read([text], known=known).values.to_list() == [noon]
    assert read(["2024-02-01T13:00+01:00"], known=utc).values.to_list() == [noon.replace(tzinfo=None)]
