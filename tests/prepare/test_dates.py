from datetime import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.prepare import times

NOON = datetime(2020, 2, 29, 12, 30)


def parsed(*texts: str | None) -> list[datetime | None]:
    return times.parse_dates(pl.Series(texts, dtype=pl.String)).to_list()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-02-29", datetime(2020, 2, 29)),
        ("2020-02-29 12:30", NOON),
        ("2020-02-29T12:30:00", NOON),
        ("2020-02-29 12:30:00.25", NOON.replace(microsecond=250_000)),
        ("2020-02-29 12:30:00,25", NOON.replace(microsecond=250_000)),
        ("2020-02-29T12:30Z", NOON),
        ("2020-02-29T14:30:00+02:00", NOON),
        ("2020-02-29T08:00-0430", NOON),
    ],
)
def test_iso_dates_become_moments_in_utc(text: str, moment: datetime) -> None:
    assert parsed(text) == [moment]
    assert parsed("1999-12-31", text, None) == [datetime(1999, 12, 31), moment, None]  # among others just so


@pytest.mark.parametrize(
    "text",
    ["2020-02-30", "2019-02-29", "2020-2-29", "20200229", "29.02.2020", "02/29/2020", "2020-02-29 24:30",
     "2020-02-29 12", "2020-02-29  12:30", "2020-02", "12:30", "soon", "2020-02-29x"],
)  # fmt: skip
def test_what_is_no_iso_date_is_a_gap(text: str) -> None:
    assert parsed(text) == [None]
    assert parsed("1999-12-31", text, "1999-12-31 12:30:05") == [
        datetime(1999, 12, 31), None, datetime(1999, 12, 31, 12, 30, 5)]  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(st.datetimes(min_value=datetime(1, 1, 1)), min_size=1, max_size=3))
def test_what_python_writes_is_read_back(moments: list[datetime]) -> None:
    assert parsed(*(moment.isoformat() for moment in moments)) == moments
