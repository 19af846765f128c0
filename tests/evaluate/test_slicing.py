from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from relight.data.schema import Column, Schema
from relight.errors import InputError
from relight.evaluate.checks import assert_slices, columns_to_slice
from relight.evaluate.diagnostics import iterate_slices
from relight.evaluate.params import EvaluateParams

SCHEMA = Schema(
    rows=3,
    target="y",
    targets=["y"],
    weight="importance",
    task="regression",
    classes=None,
    columns=[Column(name="city", kind="categorical"), Column(name="when", kind="ignored")],
    generated=None,
    notes=[],
)


def slices(values: pl.Series) -> dict[str, list[int]]:
    """Each slice and its rows."""
    return {name: np.flatnonzero(members).tolist() for name, members in iterate_slices(values)}


def test_every_column_of_the_prepared_table_can_slice() -> None:
    assert columns_to_slice(SCHEMA) == ["city", "when", "y", "importance"]
    assert_slices(EvaluateParams(slices=["city", "when", "y", "importance"]), columns_to_slice(SCHEMA))


def test_all_unknown_columns_are_named_with_the_nearest_known() -> None:
    with pytest.raises(InputError) as caught:
        assert_slices(EvaluateParams(slices=["citi", "city", "zzz"]), columns_to_slice(SCHEMA))
    assert caught.value.problems == (
        "evaluate.slices: 'citi' is not a column; did you mean 'city'?",
        "evaluate.slices: 'zzz' is not a column; its columns are city, when, y, importance",
    )


def test_numbers_stand_in_five_ranges_of_as_many_rows_and_gaps_by_themselves() -> None:
    values = pl.Series([9.0, None, *(float(k) for k in range(9)), float("nan"), float("inf")])
    assert slices(values) == {
        # quantiles of 0 to 9: 0, 1.8, 3.6, 5.4, 7.2, 9
        "0 to 1.8": [2, 3],
        "1.8 to 3.6": [4, 5],
        "3.6 to 5.4": [6, 7],
        "5.4 to 7.2": [8, 9],
        "7.2 to 9": [0, 10],
        "missing": [1, 11, 12],
    }


def test_few_different_numbers_stand_for_themselves_in_their_order() -> None:
    assert slices(pl.Series([10, 2, 10, None])) == {"2": [1], "10": [0, 2], "missing": [3]}


def test_a_value_in_most_rows_makes_fewer_ranges() -> None:
    values = pl.Series([0] * 90 + list(range(1, 11)))
    assert list(slices(values)) == ["0 to 10"]
    assert len(slices(values)["0 to 10"]) == 100


def test_dates_stand_by_year() -> None:
    assert slices(pl.Series([date(2021, 5, 1), date(2020, 1, 1), None])) == {"2020": [1], "2021": [0], "missing": [2]}
    assert list(slices(pl.Series([datetime(2020, 1, 1, 5), datetime(1999, 1, 1)]))) == ["1999", "2020"]


def test_the_twenty_most_frequent_names_stand_for_themselves_and_all_others_together() -> None:
    names = [f"{k:02d}" for k in range(25)]
    values = pl.Series([*names, "24", None, "23", "24"])
    found = slices(values)
    assert list(found) == ["24", "23", *names[:18], "other", "missing"]
    assert found["24"] == [24, 25, 28]
    assert found["other"] == [18, 19, 20, 21, 22]


def test_true_and_false_and_whatever_else_a_column_holds() -> None:
    assert slices(pl.Series([True, False, True, None])) == {"true": [0, 2], "false": [1], "missing": [3]}
    assert slices(pl.Series([[1], [1], None])) == {"[1]": [0, 1], "missing": [2]}
    assert slices(pl.Series([None, None])) == {"missing": [0, 1]}
