import numpy as np
import pytest

from relight.evaluate.baselines import constant_baseline


def test_of_numbers_it_is_the_mean_of_the_train_rows() -> None:
    target = np.array([1.0, 5.0], dtype=np.float32)
    assert constant_baseline("regression", target, 3, 0).tolist() == [3, 3, 3]
    assert constant_baseline("regression", target, 1, 0, np.array([3.0, 1.0])).tolist() == [2]


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_of_classes_it_is_their_shares(task: str) -> None:
    target = np.array([0, 1, 1, 1])
    assert constant_baseline(task, target, 2, 3).tolist() == [[0.25, 0.75, 0]] * 2  # type: ignore[arg-type]
    weighted = constant_baseline(task, target, 1, 3, np.array([3.0, 1, 1, 1]))  # type: ignore[arg-type]
    assert weighted.tolist() == [[0.5, 0.5, 0]]


def test_of_distributions_it_is_the_mean_of_the_shares() -> None:
    target = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert constant_baseline("distribution", target, 2, 2).tolist() == [[0.75, 0.25]] * 2
    assert constant_baseline("distribution", target, 1, 2, np.array([1.0, 3.0])).tolist() == [[0.625, 0.375]]
