import polars as pl
import pytest

from relight.errors import ColumnError
from relight.prepare.targets import clean_relevance


def test_grades_are_numbers() -> None:
    assert clean_relevance(pl.Series(["0", "2", "1.0"]), 1).to_list() == [0.0, 2.0, 1.0]
    assert clean_relevance(pl.Series([False, True]).cast(pl.Int8), 1).to_list() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([0, -1], "row 6 must be a grade of relevance, a whole number from 0 to 30, got -1"),
        ([0.5, 1.0], "row 5 must be a grade of relevance, a whole number from 0 to 30, got 0.5"),
        ([0, 31], "row 6 must be a grade of relevance, a whole number from 0 to 30, got 31"),
        ([1, None], r"has 1 missing value \(row 6\)"),
        (["good", "bad"], "row 5 must be a number, got 'good'"),
    ],
)
def test_what_is_no_grade_is_named(values: list[object], problem: str) -> None:
    with pytest.raises(ColumnError, match=problem):
        clean_relevance(pl.Series(values), 5)
