"""Frames of pandas become the columns that a file with their values has; pandas is only needed by these tests."""

import subprocess
import sys
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.frames import as_frame, is_table

pd: Any = pytest.importorskip("pandas")


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        (lambda: pd.Series([1, 2]), pl.Int64, [1, 2]),
        (lambda: pd.Series([1.5, np.nan]), pl.Float64, [1.5, None]),
        (lambda: pd.Series([1, None], dtype="Int16"), pl.Int16, [1, None]),
        (lambda: pd.Series([1.5, None], dtype="Float32"), pl.Float32, [1.5, None]),
        (lambda: pd.Series([True, False]), pl.Boolean, [True, False]),
        (lambda: pd.Series([True, None], dtype="boolean"), pl.Boolean, [True, None]),
        (lambda: pd.Series(["a", None]), pl.String, ["a", None]),
        (lambda: pd.Series(["a", None], dtype="string"), pl.String, ["a", None]),
        (lambda: pd.Series(["a", np.nan], dtype=object), pl.String, ["a", None]),
        (lambda: pd.Series([1, pd.NA], dtype=object), pl.Int64, [1, None]),
        (lambda: pd.Series(["b", None, "a"], dtype="category"), pl.String, ["b", None, "a"]),
        (lambda: pd.Series([3, 1, 3], dtype="category"), pl.Int64, [3, 1, 3]),
        (lambda: pd.Series([None, None], dtype="category"), pl.Null, [None, None]),
        (lambda: pd.to_datetime(pd.Series(["2024-01-31", None])), pl.Datetime("us"), [datetime(2024, 1, 31), None]),
        (
            lambda: pd.to_datetime(pd.Series(["2024-07-01", None])).dt.tz_localize("Europe/Zurich"),
            pl.Datetime("us", "Europe/Zurich"),
            [datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Zurich")), None],
        ),
        (lambda: pd.Series([date(2024, 1, 31), None]), pl.Date, [date(2024, 1, 31), None]),
        (
            lambda: pd.Series([pd.Timestamp("2024-01-31"), pd.NaT], dtype=object),
            pl.Datetime("us"),
            [datetime(2024, 1, 31), None],
        ),
        (lambda: pd.Series(pd.arrays.SparseArray([0, 0, 1])), pl.Int64, [0, 0, 1]),
        (lambda: pd.Series(pd.arrays.SparseArray([np.nan, 2.0])), pl.Float64, [None, 2.0]),
    ],
)
def test_each_type_of_column(column: Any, dtype: Any, values: list[Any]) -> None:
    read = as_frame(pd.DataFrame({"x": column()}))["x"]
    assert (read.dtype, read.to_list()) == (dtype, values)


def test_a_named_index_is_a_column_and_one_without_a_name_is_none() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-01-02"]), "x": [1, 2], "y": [3, 4]})
    assert as_frame(frame.iloc[[1, 0]]).columns == ["day", "x", "y"]
    assert as_frame(frame.set_index("day").iloc[[1, 0]]).rows() == [
        (datetime(2024, 1, 2), 2, 4),
        (datetime(2024, 1, 1), 1, 3),
    ]
    assert as_frame(frame.set_index(["day", "x"])).columns == ["day", "x", "y"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (lambda: pd.DataFrame([[1, 2]]), "names of columns must be texts, got 0 (int)"),
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' occurs 2 times"),
        (lambda: pd.DataFrame({"a": [1]}, index=pd.Index([5], name="a")), "column 'a' occurs 2 times"),
        (lambda: pd.DataFrame({"a": [[1, 2]]}), "column 'a' must hold numbers, texts, dates or booleans, got list"),
        (lambda: pd.DataFrame({"a": ["x", 1]}), "column 'a' must hold one type, got a text in row 1 ('x')"),
        (lambda: pd.DataFrame({"a": pd.period_range("2024", periods=1)}), "column 'a' must hold numbers, texts, dates"),
        (lambda: pd.DataFrame({("a", "b"): [1]}), "names of columns must be texts, got ('a', 'b') (tuple)"),
        (lambda: pd.DataFrame(), "has no columns"),
    ],
)
def test_what_no_column_can_hold_is_said(frame: Any, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        as_frame(frame())
    assert refusal.value.problems[0].startswith(said)


def test_the_frame_of_a_caller_stays_as_it_was() -> None:
    frame = pd.DataFrame({"x": [1.0, np.nan], "c": pd.Series(["a", None], dtype="category")})
    before = frame.copy(deep=True)
    as_frame(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert not is_table(frame["x"])


def test_pandas_is_never_imported_for_a_frame_of_polars() -> None:
    code = (
        "import sys, polars as pl; from relight.prepare.frames import as_frame; "
        "as_frame(pl.DataFrame({'x': [1]})); print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
