from typing import Any

import pytest
from pydantic import ValidationError

from relight.split.params import SplitParams


def split(**changed: Any) -> SplitParams:
    whole = {"method": "random", "column": None, "train": 0.8, "validation": 0.0, "test": 0.2, "seed": 42}
    return SplitParams.model_validate({**whole, **changed})


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.64, 0.16, 0.2), (0.1, 0.2, 0.7)])
def test_fractions_that_miss_one_by_their_rounding_are_accepted(fractions: tuple[float, float, float]) -> None:
    train, validation, test = fractions  # 0.7 + 0.2 + 0.1 is 0.9999999999999999 in float64
    assert split(train=train, validation=validation, test=test).train == train


def test_fractions_that_miss_one_are_refused_with_their_sum() -> None:
    with pytest.raises(ValidationError, match=r"must be 1, got 1.000001"):
        split(train=0.800001)


@pytest.mark.parametrize("method", ["group", "time", "column"])
def test_a_method_that_needs_a_column_asks_for_it(method: str) -> None:
    assert split(method=method, column="g").column == "g"
    with pytest.raises(ValidationError, match=f"column must name a column of the table with method: {method}"):
        split(method=method)


@pytest.mark.parametrize("method", ["ordered", "random", "stratified"])
def test_a_column_without_a_use_is_refused(method: str) -> None:
    with pytest.raises(ValidationError, match=f"column must be null with method: {method}, got 'g'"):
        split(method=method, column="g")


@pytest.mark.parametrize("part", ["train", "test"])
def test_train_and_test_cannot_be_empty(part: str) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        split(**{part: 0.0})


@pytest.mark.parametrize("method", ["ordered", "random", "stratified", "group", "column"])
def test_a_gap_is_for_a_split_by_time(method: str) -> None:
    column = "g" if method in ("group", "column") else None
    assert split(method="time", column="t", gap=3).gap == 3
    with pytest.raises(ValidationError, match=rf"gap must be 0 with method: {method} \(it is for time\), got 3"):
        split(method=method, column=column, gap=3)


@pytest.mark.parametrize("method", ["time", "column"])
def test_folds_are_not_for_every_method(method: str) -> None:
    problem = rf"folds must be null with method: {method}, got 5 \(they are for ordered, random, stratified, group\)"
    with pytest.raises(ValidationError, match=problem):
        split(method=method, column="t", folds=5)


@pytest.mark.parametrize(("folds", "fold"), [(5, 5), (2, 7)])
def test_a_fold_is_one_of_the_folds(folds: int, fold: int) -> None:
    assert split(folds=folds, fold=folds - 1).fold == folds - 1
    with pytest.raises(ValidationError, match=f"fold must be from 0 to {folds - 1} with folds: {folds}, got {fold}"):
        split(folds=folds, fold=fold)


def test_a_fold_without_folds_is_refused() -> None:
    with pytest.raises(ValidationError, match="fold must be 0 without folds, got 1"):
        split(fold=1)


def test_a_validation_fold_leaves_one_to_train_on() -> None:
    assert split(folds=2).folds == 2
    assert split(folds=3, train=0.7, validation=0.1).folds == 3
    with pytest.raises(ValidationError, match="folds must be >= 3 with validation above 0, got 2"):
        split(folds=2, train=0.7, validation=0.1)
