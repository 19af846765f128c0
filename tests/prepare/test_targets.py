import polars as pl
import pytest

from relight.data.text_format import MISSING_WORDS
from relight.errors import ColumnError
from relight.prepare.plain.columns import with_gaps
from relight.prepare.targets import clean_target


def texts(*values: str) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


@pytest.mark.parametrize(
    ("raw", "task", "classes"),
    [
        (texts("1.5", "2"), "regression", None),
        (texts("0", "1", "1"), "binary", ["0", "1"]),
        (texts("b", "a", "b"), "binary", ["b", "a"]),  # the rarer class is the last
        (texts("b", "a"), "binary", ["a", "b"]),
        (texts("c", "a", "b"), "multiclass", ["a", "b", "c"]),
        (texts("true", "false"), "binary", ["false", "true"]),
        (pl.Series([True, False]), "binary", ["false", "true"]),
        (pl.Series([2.0, 10.0] * 5), "binary", ["2", "10"]),  # numbers in the order of numbers
        (pl.Series([2, 10, 9] * 5), "multiclass", ["2", "9", "10"]),  # 15 rows, 5 for each number
        (pl.Series([2, 10, 9] * 4), "regression", None),  # 12 rows, 4 for each number
        (pl.Series(list(range(21)) * 5), "regression", None),  # 21 different ones
        (pl.Series(list(range(20)) * 5), "multiclass", [str(k) for k in range(20)]),
        (pl.Series([0.5, 1.0] * 5), "regression", None),
        (texts("007", "008"), "binary", ["007", "008"]),
    ],
)
def test_the_task_is_found_by_the_values(raw: pl.Series, task: str, classes: list[str] | None) -> None:
    target = clean_target(raw, "auto")
    assert (target.task, target.classes) == (task, classes)


def test_values_are_numbers_for_regression_and_labels_for_classes() -> None:
    assert clean_target(texts("1", "2.5"), "regression").values.to_list() == [1.0, 2.5]
    assert clean_target(pl.Series([1.0, 0.0]), "binary").values.to_list() == ["1", "0"]


@pytest.mark.parametrize(
    ("raw", "task", "complaint"),
    [
        (texts("1", "NA", "", "2"), "auto", r"has 2 missing values \(row 2, 3\); drop these rows"),
        (pl.Series([1.0, float("nan")]), "auto", r"has 1 missing value \(row 2\)"),
        (texts("1.5", "cold"), "regression", "must be numbers for a regression, got 'cold'"),
        (pl.Series([True, False]), "regression", "must be numbers for a regression, got 'true'"),
        (texts("a", "a"), "auto", r"has only one class \('a'\)"),
        (texts("3", "3"), "multiclass", r"has only one class \('3'\)"),
        (texts("a", "b", "c"), "binary", "must have 2 classes for binary, got 3"),
        (pl.Series([k / 2 for k in range(30)]), "multiclass", "has 30 different numbers, too many for classes"),
        (texts(*["1"] * 9, "x"), "auto", "row 10 must be a number, got 'x'"),
        (texts("1,5", "2,5"), "auto", "has numbers with commas in them"),
        (texts("2020-01-31", "2020-02-01"), "auto", "holds dates or times, which a model cannot predict"),
        (texts("1.5", "inf"), "auto", "row 2 is infinite"),
        (texts("1.5", "1e39"), "regression", "row 2 is beyond float32"),
        (texts(*(f"id{k}" for k in range(20))), "auto", "has a different value in every row"),
        (pl.Series([[1], [2]]), "auto", r"is of type List\(Int64\)"),
    ],
)
def test_a_target_that_cannot_be_learned_says_why(raw: pl.Series, task: str, complaint: str) -> None:
    with pytest.raises(ColumnError, match=complaint):
        clean_target(with_gaps(raw, MISSING_WORDS), task)


def test_who_asks_for_classes_may_name_them_by_numbers_and_letters() -> None:
    check_digits = texts(*"0123456789" * 2, "X", "X")
    assert clean_target(check_digits, "multiclass").classes == [*"0123456789", "X"]
