import numpy as np
import pytest

from relight.data.schema import Task
from relight.metrics.roc import check_sample_weight
from relight.metrics.scorers import build_scorer, compute_scores, primary_metric

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


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("regression", {"mae", "rmse", "mape"}),
        ("multiclass", {"log_loss", "brier", "accuracy"}),
        ("distribution", {"kl_divergence", "mae", "top_1"}),
        ("ranking", {"ndcg@5", "ndcg@10", "map", "pairwise_accuracy"}),
        ("similarity", {"accuracy"}),
    ],
)
def test_row_means_are_the_scores_of_the_weighted_mean_of_one_number_per_row(task: Task, names: set[str]) -> None:
    generator = np.random.default_rng(0)
    weight = generator.random(30)
    shares = generator.dirichlet(np.ones(3), size=(2, 30))
    y_true, y_pred = {
        "regression": (generator.normal(size=30), generator.normal(size=30)),
        "multiclass": (generator.integers(3, size=30), shares[0]),
        "distribution": (shares[0], shares[1]),
        "ranking": (np.column_stack([np.tile([1.0, 0.0], 15), np.repeat(np.arange(15), 2)]), generator.normal(size=30)),
        "similarity": (generator.integers(2, size=30), generator.normal(size=30)),
    }[task]
    scorer = build_scorer(task, y_true, y_pred)
    means, scores = scorer.row_means(), scorer(weight)
    assert set(means) == names
    each = weight.reshape(15, 2).sum(axis=1) if task == "ranking" else weight  # one value per query of two rows
    for name, mean in means.items():
        assert mean.transform(np.average(mean.values, weights=each)) == pytest.approx(scores[name], rel=1e-12), name


def test_mape_is_no_mean_of_rows_if_a_target_is_zero() -> None:
    assert set(build_scorer("regression", np.array([0.0, 1.0]), np.ones(2)).row_means()) == {"mae", "rmse"}
