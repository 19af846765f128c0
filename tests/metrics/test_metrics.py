import numpy as np
import pytest

from relight.data.schema import Task
from relight.metrics.roc import check_sample_weight
from relight.metrics.scorers import compute_scores, primary_metric

NUMBERS = np.array([1.0, 2.0])
PROBABILITIES = np.array([[0.8, 0.2], [0.4, 0.6]])
OF_CLASSES = {
    "accuracy", "log_loss", "brier", "auc", "average_precision", "precision", "recall", "f1", "balanced_accuracy",
}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "target", "predicted", "names"),
    [
        ("regression", NUMBERS, NUMBERS, {"mae", "rmse", "r2", "mape", "median_ae"}),
        ("binary", np.array([0, 1]), PROBABILITIES, OF_CLASSES),
        ("multiclass", np.array([0, 1]), PROBABILITIES, OF_CLASSES),
        ("distribution", PROBABILITIES, PROBABILITIES, {"kl_divergence", "mae", "top_1"}),
    ],
)
def test_each_task_has_its_own_scores_and_one_of_them_stands_for_it(
    task: Task, target: np.ndarray, predicted: np.ndarray, names: set[str]
) -> None:
    assert set(compute_scores(task, target, predicted)) == names
    assert primary_metric(task) in names


def test_weights_of_two_are_rows_that_stand_there_twice() -> None:
    target, predicted = np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1]])
    twice = compute_scores("binary", target[[0, 1, 1, 2]], predicted[[0, 1, 1, 2]])
    weighted = compute_scores("binary", target, predicted, np.array([1, 2, 1], dtype=np.float32))
    assert weighted == pytest.approx(twice, rel=1e-12)


def test_rows_whose_weights_are_all_zero_count_alike() -> None:
    assert check_sample_weight(2, np.zeros(2)).tolist() == check_sample_weight(2, None).tolist() == [1, 1]
