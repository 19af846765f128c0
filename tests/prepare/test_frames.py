"""Frames of Polars and pandas, and arrays by name, become the same columns that a file with their values has."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.frames import as_frame, is_table

NAN = float("nan")


def problems(table: Any) -> tuple[str, ...]:
    with pytest.raises(InputError) as refusal:
        as_frame(table)
    return refusal.value.problems


def test_a_frame_of_polars_keeps_its_types() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", None]}, schema={"a": pl.Int16, "b": pl.Categorical})
    assert as_frame(frame).equals(frame)
    assert as_frame(frame).schema == frame.schema
    assert as_frame(frame.rename({"a": " a "})).columns == ["a", "b"]


def test_arrays_are_columns_and_two_axes_are_several() -> None:
    table = as_frame({
        "n": np.array([1, 2], dtype=np.int8),
        "x": np.array([[0.5, NAN, 3], [1, 2, 4]]),
        "t": np.array(["a", "b"]),
        "on": np.array([True, False]),
        "when": np.array(["2024-01-31", "NaT"], dtype="datetime64[D]"),
    })  # fmt: skip
    assert table.columns == ["n", "x_0", "x_1", "x_2", "t", "on", "when"]
    assert table.rows() == [
        (1, 0.5, None, 3.0, "a", True, datetime(2024, 1, 31)),
        (2, 1.0, 2.0, 4.0, "b", False, None),
    ]
    assert table["n"].dtype == pl.Int8


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4", ">i2", "<u8", "float16", "longdouble"])
def test_numbers_of_every_width_and_byte_order_are_the_same_numbers(dtype: str) -> None:
    values = np.array([0, 1, 250, 2], dtype=dtype)[::2]  # not one next to the other
    assert as_frame({"x": values})["x"].to_list() == [0, 250]


def test_what_is_masked_is_a_gap() -> None:
    masked = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    assert as_frame({"x": masked})["x"].to_list() == [1, None, 3]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["a", None, NAN], pl.String, ["a", None, None]),
        ([True, None, np.False_], pl.Boolean, [True, None, False]),
        ([1, None, np.int64(3)], pl.Int64, [1, None, 3]),
        ([1, 2.5, np.float32(0.5)], pl.Float64, [1.0, 2.5, 0.5]),
        ([Decimal("1.5"), 2, Decimal("NaN")], pl.Float64, [1.5, 2.0, None]),
        ([2**70, 1, None], pl.Float64, [float(2**70), 1.0, None]),
        ([date(2024, 1, 31), None, date(2024, 2, 1)], pl.Date, [date(2024, 1, 31), None, date(2024, 2, 1)]),
        (
            [date(2024, 1, 31), datetime(2024, 2, 1, 3), None],
            pl.Datetime("us"),
            [datetime(2024, 1, 31), datetime(2024, 2, 1, 3), None],
        ),
        (
            [datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=2))), np.datetime64("NaT"), None],
            pl.Datetime("us", "UTC"),
            [datetime(2023, 12, 31, 23, tzinfo=UTC), None, None],
        ),
        ([None, None, NAN], pl.Null, [None, None, None]),
    ],
)
def test_objects_of_one_type_are_a_column_of_it(cells: list[Any], dtype: Any, values: list[Any]) -> None:
    for table in ({"x": np.array(cells, dtype=object)}, pl.DataFrame({"x": pl.Series(cells, dtype=pl.Object)})):
        column = as_frame(table)["x"]
        assert (column.dtype, column.to_list()) == (dtype, values)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "has no columns"),
        (pl.DataFrame(), "has no columns"),
        ({0: np.zeros(2)}, "names of columns must be texts, got 0 (int); rename the columns"),
        ({0: np.zeros((2, 2))}, "names of columns must be texts, got 0 (int); rename the columns"),
        ({"": np.zeros(2)}, "column 1 has no name"),
        ({"x": np.zeros(2), " x": np.zeros(2)}, "column 'x' occurs 2 times; rename one"),
        ({"x": np.zeros((2, 2)), "x_1": np.zeros(2)}, "column 'x_1' occurs 2 times; rename one"),
        ({"x": np.zeros(2), "y": np.zeros(3)}, "columns must have the same number of rows, got x: 2, y: 3"),
        ({"x": [1, 2]}, "column 'x' must be a NumPy array, got list; make one with np.asarray"),
        (
            {"x": np.zeros((10, 28, 28))},
            "column 'x' must have one or two axes, (n_rows,) or (n_rows, k), got shape (10, 28, 28); "
            "reshape it to (10, 784)",
        ),
        ({"x": np.float64(3)}, "column 'x' must be a NumPy array, got float64; make one with np.asarray"),
        ({"x": np.array(3.0)}, "column 'x' must have one or two axes, (n_rows,) or (n_rows, k), got shape ()"),
        (
            {"x": np.array([1j])},
            "column 'x' must hold numbers, texts, dates or booleans, got an array of complex128; "
            "convert it, or leave it out",
        ),
        (
            {"x": np.array([None, {"a": 1}], dtype=object)},
            "column 'x' must hold numbers, texts, dates or booleans, got dict {'a': 1} in row 2; "
            "convert it, or leave it out",
        ),
        (
            {"x": np.array([None, "a", "b", 3], dtype=object)},
            "column 'x' must hold one type, got a text in row 2 ('a') and a number in row 4 (3); "
            "convert it, as with astype(str)",
        ),
    ],
)
def test_what_is_no_table_is_said(table: Any, said: str) -> None:
    assert problems(table) == (said,)


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"x": np.array([b"a"]), "y": np.zeros((1, 2, 3)), "z": np.array([[1]], dtype=object)}
    assert len(problems(wrong)) == 2


@pytest.mark.parametrize("value", [None, 3, "a", [1], np.zeros(3), pl.Series([1]), pl.LazyFrame({"a": [1]})])
def test_other_things_are_no_tables(value: object) -> None:
    assert not is_table(value)
