from typing import Any

import pytest
from pydantic import ValidationError

from relight.params.split import SplitParams


def split(**changed: Any) -> SplitParams:
    whole = {"method": "random", "column": None, "train": 0.8, "validation": 0.0, "test": 0.2, "seed": 42}
    return SplitParams.model_validate({**whole, **changed})


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (0.64, 0.16, 0.2), (0.1, 0.2, 0.7)])
def test_fractions_that_miss_one_by_their_rounding_are_accepted(fractions: tuple[float, float, float]) -> None:
    train, validation, test = fractions  # 0.7 + 0.2 + 0.1 is 0.9999999999999999 in float64
    assert split(train=train, validation=validation, test=test).train == train


def test_fractions_that_miss_one_are_refused_with_their_sum() -> None:
    with pytest.raises(ValidationError, match=r"must be 1, however: the sum is 1.000001"):
        split(train=0.800001)


@pytest.mark.parametrize("method", ["group", "time", "column"])
def test_a_method_that_needs_a_column_asks_for_it(method: str) -> None:
    assert split(method=method, column="g").column == "g"
    with pytest.raises(ValidationError, match=f"column must name a column of the table with method: {method}"):
        split(method=method)


@pytest.mark.parametrize("method", ["ordered", "random", "stratified"])
def test_a_column_without_a_use_is_refused(method: str) -> None:
    with pytest.raises(ValidationError, match=f"column must be null with method: {method}, however: 'g'"):
        split(method=method, column="g")


@pytest.mark.parametrize("part", ["train", "test"])
def test_train_and_test_cannot_be_empty(part: str) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        split(**{part: 0.0})
