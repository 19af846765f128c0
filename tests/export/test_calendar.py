"""The numbers of a date as tensors are those that Polars reads from a table."""

from typing import get_args

import numpy as np
import polars as pl
import pytest
import torch

from relight.data.features import DatePart
from relight.export.table import date_part_tensor
from relight.split.encoding import date_part

MOMENTS: tuple[DatePart, ...] = get_args(DatePart)
FIRST, LAST = (np.datetime64(day, "us").astype(np.int64) for day in ("0001-01-01", "9999-12-31"))


@pytest.mark.parametrize("moment", MOMENTS)
def test_any_microsecond_of_9999_years_reads_as_in_a_table(moment: DatePart) -> None:
    times = np.random.default_rng(0).integers(FIRST, LAST, 50_000)
    table = date_part(pl.Series(times).cast(pl.Datetime("us")), moment)
    np.testing.assert_array_equal(date_part_tensor(torch.from_numpy(times), moment), table.astype(np.float32))


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_day_of_1200_years_reads_as_in_a_table(moment: DatePart) -> None:
    days = np.arange(np.datetime64("1400-01-01"), np.datetime64("2600-01-01")).astype("datetime64[us]")
    table = date_part(pl.Series(days), moment)
    numbers = date_part_tensor(torch.from_numpy(days.astype(np.int64)), moment)
    np.testing.assert_array_equal(numbers, table.astype(np.float32))


@pytest.mark.parametrize(
    ("moment", "number"), [("year", 2024), ("month", 2), ("weekday", 4), ("hour", 18), ("elapsed", 8825.75)]
)
def test_the_leap_day_of_2024_was_a_thursday(moment: DatePart, number: float) -> None:
    evening = torch.tensor([[np.datetime64("2024-02-29T18:00", "us").astype(int)]])
    assert date_part_tensor(evening, moment).tolist() == [[number]]


def test_a_missing_date_is_a_gap_in_each_number() -> None:
    missing = torch.from_numpy(np.array(["NaT"], dtype="datetime64[us]").astype(np.int64))
    assert all(date_part_tensor(missing, moment).isnan().all() for moment in MOMENTS)
