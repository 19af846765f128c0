from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.errors import InputError
from relight.split.assignment import TEST, TRAIN, VALIDATION, assign_parts
from relight.split.params import SplitParams
from tests.feature_tables import two_classes


def params(method: Any, **changed: Any) -> SplitParams:
    usual = {"column": "g" if method == "group" else None, "train": 0.8, "validation": 0.0, "test": 0.2, "seed": 42}
    return SplitParams(method=method, **{**usual, **changed})


def table(n_rows: int, n_groups: int = 9) -> pl.DataFrame:
    """A third of the rows is of class b; groups of different sizes."""
    rows = np.arange(n_rows)
    names = [f"group {k}" for k in np.sqrt(rows / n_rows * n_groups**2).astype(int)]
    return pl.DataFrame({"g": names, "y": np.where(rows % 3 == 0, "b", "a")})


def split(asked: SplitParams, rows: pl.DataFrame) -> np.ndarray:
    return assign_parts(asked, rows, two_classes(rows.height))


def held_out(method: str, n_folds: int, rows: pl.DataFrame) -> np.ndarray:
    """(n_folds, n_rows) of bool: the test rows of each fold."""
    return np.stack([split(params(method, folds=n_folds, fold=k), rows) == TEST for k in range(n_folds)])


@settings(deadline=None, max_examples=30)
@given(
    method=st.sampled_from(["ordered", "random", "stratified", "group"]),
    n_folds=st.integers(2, 6),
    n_rows=st.integers(40, 90),
)
def test_each_row_is_a_test_row_of_one_fold(method: str, n_folds: int, n_rows: int) -> None:
    tests = held_out(method, n_folds, table(n_rows))
    assert tests.sum(axis=0).tolist() == [1] * n_rows


@pytest.mark.parametrize("method", ["ordered", "random", "stratified"])
def test_no_fold_is_more_than_a_row_larger_than_another(method: str) -> None:
    sizes = held_out(method, 7, table(100)).sum(axis=1)
    assert sorted(Counter(sizes.tolist()).items()) == [(14, 5), (15, 2)]  # 100 = 5 * 14 + 2 * 15


def test_ordered_folds_are_blocks() -> None:
    assert [np.flatnonzero(fold).tolist() for fold in held_out("ordered", 3, table(8))] == [
        [0, 1],
        [2, 3, 4],
        [5, 6, 7],
    ]


def test_stratified_folds_have_each_class_within_a_row_of_its_share() -> None:
    rows = table(100)  # 34 of b, 66 of a: 8 or 9, and 16 or 17, in each of four folds
    of_b = (rows["y"] == "b").to_numpy()
    tests = held_out("stratified", 4, rows)
    assert {int((fold & of_b).sum()) for fold in tests} == {8, 9}
    assert {int((fold & ~of_b).sum()) for fold in tests} == {16, 17}


def test_groups_stay_whole_and_the_folds_are_near_in_size() -> None:
    rows = table(162)  # groups of 2, 6, 10, ..., 34 rows
    tests = held_out("group", 3, rows)
    for name in rows["g"].unique():
        of_group = (rows["g"] == name).to_numpy()
        assert sorted(int((fold & of_group).sum()) for fold in tests) == [0, 0, int(of_group.sum())]
    # 34 + 14 + 10, 30 + 18 + 6, 26 + 22 + 2: the next one always goes to the fold with the fewest rows
    assert sorted(tests.sum(axis=1).tolist()) == [50, 54, 58]


def test_the_next_fold_validates_and_the_last_one_is_followed_by_the_first() -> None:
    rows = table(90)
    with_validation = [split(params("random", folds=3, fold=k, train=0.7, validation=0.1), rows) for k in range(3)]
    tests = held_out("random", 3, rows)
    for k, parts in enumerate(with_validation):
        assert ((parts == TEST) == tests[k]).all()
        assert ((parts == VALIDATION) == tests[(k + 1) % 3]).all()
        assert ((parts == TRAIN) == tests[(k + 2) % 3]).all()


@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_the_folds_depend_on_the_seed_alone(method: str) -> None:
    rows = table(90, n_groups=30)
    first, again = (split(params(method, folds=3), rows).tolist() for _ in range(2))
    assert first == again
    assert first != split(params(method, folds=3, seed=43), rows).tolist()


@pytest.mark.parametrize(
    ("method", "n_folds", "rows", "problem"),
    [
        ("random", 50, table(40), "split.folds: must be at most the 40 rows, got 50; use fewer folds"),
        ("stratified", 14, table(39), "split.method: class 'b' has 13 rows, too few for 14 folds; use method: random"),
        (
            "stratified",
            3,
            table(3),
            "split.method: class 'a' has 2 rows, too few for 3 folds (2 of 2 classes have too few); use method: random",
        ),
        ("group", 10, table(90), "split.column: 'g' has 9 groups, too few for 10 folds; use fewer folds"),
        (
            "group",
            2,
            table(90, n_groups=1),
            "split.column: 'g' has 1 group, too few for 2 folds; use fewer folds",
        ),
    ],
)
def test_more_folds_than_the_rows_can_fill_are_refused(
    method: str, n_folds: int, rows: pl.DataFrame, problem: str
) -> None:
    with pytest.raises(InputError) as refused:
        split(params(method, folds=n_folds), rows)
    assert refused.value.problems == (problem,)
