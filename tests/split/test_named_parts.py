"""A column that names the parts: words and flags, and validation rows that are drawn from the train rows."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.data.schema import Column, Schema, Task
from relight.errors import InputError
from relight.split.assignment import TEST, TRAIN, VALIDATION, Assignment, assign_rows, parts_in_column
from relight.split.params import SplitParams


def assigned(table: pl.DataFrame, task: Task = "regression", query: str | None = None, **changed: Any) -> Assignment:
    """The parts of a table with target y, by the column `split` unless the params say otherwise."""
    usual = {"method": "column", "column": "split", "train": 0.64, "validation": 0.16, "test": 0.2, "seed": 42}
    classes = sorted(table["y"].unique().to_list()) if task == "multiclass" else None
    schema = Schema(
        rows=table.height,
        target="y",
        targets=["y"],
        weight=None,
        query=query,
        task=task,
        classes=classes,
        columns=[Column(name=name, kind="ignored") for name in table.columns if name != "y"],
        generated=None,
        notes=[],
    )
    return assign_rows(SplitParams.model_validate({**usual, **changed}), schema, table.select)


def train_and_test(n_train: int, n_test: int, labels: list[str] | None = None) -> pl.DataFrame:
    names = ["train"] * n_train + ["test"] * n_test
    return pl.DataFrame({"split": names, "y": labels or np.arange(len(names), dtype=np.float64)})


def counts(parts: np.ndarray) -> tuple[int, int, int]:
    n_train, n_validation, n_test = (int((parts == part).sum()) for part in (TRAIN, VALIDATION, TEST))
    return n_train, n_validation, n_test


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "val", "test"], [0, 1, 2]),
        (["Training", "VALID", "Testing"], [0, 1, 2]),
        ([" train", "dev ", "TEST"], [0, 1, 2]),
    ],
)
def test_words_for_the_parts_in_any_spelling(words: list[str], expected: list[int]) -> None:
    assert parts_in_column(pl.Series("split", words)).tolist() == expected


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("is_test", [0, 1, 0], [TRAIN, TEST, TRAIN]),
        ("is_train", [0.0, 1.0, 1.0], [TEST, TRAIN, TRAIN]),
        ("isTest", [False, True, True], [TRAIN, TEST, TEST]),
        ("test", ["False", "True", "False"], [TRAIN, TEST, TRAIN]),
        ("in training", ["no", "yes", "yes"], [TEST, TRAIN, TRAIN]),
    ],
)
def test_flags_in_a_column_that_is_called_after_the_part_of_its_1(
    name: str, values: list[Any], expected: list[int]
) -> None:
    assert parts_in_column(pl.Series(name, values)).tolist() == expected


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        (
            "flag",
            [0, 1],
            "split.column: 'flag' must hold train, validation and test, got 0 and 1, which name no part; rename the "
            "column after the part of its 1, as is_test or is_train, or write the parts as words",
        ),
        ("is_valid", [True, False], "got false and true, which name no part"),
        ("train_or_test", [1, 0], "got 0 and 1, which name no part"),
        ("latest", [1, 0], "got 0 and 1, which name no part"),
        (
            "fold",
            [3, 1, 2],
            "got '3'; if its 3 numbers are folds, set split.method to group, split.column to 'fold' and split.folds "
            "to 3, or else name another column",
        ),
        (
            "split",
            ["left", "train", "right"],
            "got 'left', 'right'; name another column, or set split.method to random and split.column to null",
        ),
    ],
)
def test_what_names_no_part_is_refused_with_the_next_step(name: str, values: list[Any], problem: str) -> None:
    with pytest.raises(InputError) as refused:
        parts_in_column(pl.Series(name, values))
    assert problem in refused.value.problems[0]


def test_numbers_of_folds_are_folds_as_the_message_says() -> None:
    table = pl.DataFrame({"fold": [0, 1, 2, 0, 1, 2], "y": np.arange(6.0)})
    done = assigned(table, method="group", column="fold", folds=3, validation=0.16, fold=1)
    assert counts(done.parts) == (2, 2, 2)
    assert all(table["fold"].filter(pl.Series(done.parts == part)).n_unique() == 1 for part in range(3))


@pytest.mark.parametrize("method", ["auto", "column"])
def test_validation_is_drawn_from_the_train_rows(method: str) -> None:
    table = train_and_test(100, 50)
    done = assigned(table.with_columns(pl.col("split")), method=method, column=None if method == "auto" else "split")
    assert counts(done.parts) == (80, 20, 50)  # 0.16 / 0.8 of the 100 train rows
    assert set(np.flatnonzero(done.parts == TEST)) == set(range(100, 150))
    assert done.notes[-1] == (
        "Column 'split' names no validation rows: 20 of its 100 train rows are, drawn by split.seed; "
        "split.validation sets their share."
    )


def test_the_draw_depends_on_the_seed_only() -> None:
    first, again, other = (assigned(train_and_test(100, 50), seed=seed).parts.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_draw_is_the_same_whatever_the_test_rows_are() -> None:
    few, many = assigned(train_and_test(60, 5)).parts, assigned(train_and_test(60, 500)).parts
    assert few[:60].tolist() == many[:60].tolist()


def test_validation_has_each_class_in_its_share() -> None:
    labels = ["a"] * 80 + ["b"] * 20 + ["a", "b"] * 10
    done = assigned(train_and_test(100, 20, labels), "multiclass")
    of = np.array(labels)
    assert [(of[done.parts == part] == "b").sum() for part in (TRAIN, VALIDATION)] == [16, 4]


def test_validation_is_random_if_a_class_has_one_train_row() -> None:
    labels = ["a"] * 99 + ["rare"] + ["a"] * 20
    assert counts(assigned(train_and_test(100, 20, labels), "multiclass").parts) == (80, 20, 20)


def test_queries_stay_whole() -> None:
    query = np.repeat([f"q{k}" for k in range(30)], 4)
    names = np.repeat(["train", "test"], [100, 20])
    table = pl.DataFrame({"split": names, "q": query, "y": np.tile([0.0, 1.0, 2.0, 0.0], 30)})
    done = assigned(table, "ranking", query="q")
    assert counts(done.parts) == (80, 20, 20)
    assert all(len(set(done.parts[query == name])) == 1 for name in set(query))


@pytest.mark.parametrize(
    ("names", "changed", "expected"),
    [
        (["train"] * 8 + ["val"] + ["test"], {}, (8, 1, 1)),  # the column names validation rows
        (["train"] * 8 + ["test"] * 2, {"train": 0.8, "validation": 0.0}, (8, 0, 2)),  # none are wanted
    ],
)
def test_nothing_is_drawn_if_it_is_not_needed(
    names: list[str], changed: dict[str, float], expected: tuple[int, ...]
) -> None:
    done = assigned(pl.DataFrame({"split": names, "y": np.arange(10.0)}), **changed)
    assert counts(done.parts) == expected
    assert done.notes == []


def test_one_train_row_is_too_few_for_validation() -> None:
    with pytest.raises(InputError, match=r"part validation gets no rows \(train 1, .*write validation in some rows"):
        assigned(train_and_test(1, 3))


def test_a_class_of_one_row_makes_auto_random() -> None:
    table = pl.DataFrame({"y": ["a"] * 50 + ["b"] * 49 + ["c", "d"]})
    done = assigned(table, "multiclass", method="auto", column=None)
    assert done.params.method == "random"
    assert done.notes == [
        "split.method: auto chose random: class 'c' has 1 row, too few for every part (2 of 4 classes have too few)."
    ]
    asked = assigned(table, "multiclass", method="random", column=None)
    assert done.parts.tolist() == asked.parts.tolist()


def test_a_class_of_fewer_rows_than_folds_makes_auto_random() -> None:
    table = pl.DataFrame({"y": ["a"] * 50 + ["b"] * 49 + ["c"] * 4})
    done = assigned(table, "multiclass", method="auto", column=None, folds=5)
    assert done.notes == ["split.method: auto chose random: class 'c' has 4 rows, too few for 5 folds."]
    enough = assigned(table, "multiclass", method="auto", column=None, folds=4)
    assert enough.notes == ["split.method: auto chose stratified: multiclass."]
