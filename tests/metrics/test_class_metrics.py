import math

import numpy as np
import pytest
from sklearn import metrics as independent

from relight.metrics.classification import ClassScorer, decision_scores, precision_recall_f1

SEEDS = range(8)


def random_probabilities(seed: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """90 rows of every class, probabilities with ties that sum to 1, and weights."""
    generator = np.random.default_rng(seed)
    shares = generator.integers(1, 5, size=(90, n_classes)).astype(np.float64)
    return np.arange(90) % n_classes, shares / shares.sum(axis=1, keepdims=True), generator.random(90) + 0.1


def scores(target: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return ClassScorer(target, probabilities)(np.ones(len(target)))


def test_scores_by_hand() -> None:
    # right, right, wrong, right; log loss -(log 0.8 + log 0.6 + log 0.4 + log 0.9) / 4
    # positives score 0.6 and 0.9, negatives 0.2 and 0.6: of the 4 pairs 3 in order and 1 tied: 3.5 / 4
    # predicted positive: 3, of them right 2; all 2 positives values; negatives values 1 of 2
    # from the top: recall 1/2 at precision 1, recall 1 at precision 2/3
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.4, 0.6], [0.1, 0.9]])
    expected = {
        "accuracy": 0.75,
        "log_loss": -(math.log(0.8) + math.log(0.6) + math.log(0.4) + math.log(0.9)) / 4,
        "auc": 3.5 / 4,
        "average_precision": 0.5 * 1 + 0.5 * 2 / 3,
        "brier": (0.2**2 + 0.4**2 + 0.6**2 + 0.1**2) / 4,
        "precision": 2 / 3,
        "recall": 1,
        "f1": 4 / 5,
        "balanced_accuracy": 3 / 4,
    }
    assert scores(np.array([0, 1, 0, 1]), probabilities) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_scores_agree_with_scikit_learn_with_and_without_weights(seed: int, n_classes: int) -> None:
    target, probabilities, weights = random_probabilities(seed, n_classes)
    y_pred = probabilities.argmax(axis=1)
    positive = probabilities[:, 1] if n_classes == 2 else probabilities
    truth = target if n_classes == 2 else np.eye(n_classes)[target]
    for weight in (np.ones(90), weights):
        weighted = {"sample_weight": weight}
        average = {"average": "binary" if n_classes == 2 else "macro", **weighted}
        expected = {
            "accuracy": independent.accuracy_score(target, y_pred, **weighted),
            "log_loss": independent.log_loss(target, probabilities, **weighted),
            "brier": independent.brier_score_loss(target, probabilities, **weighted),
            "auc": independent.roc_auc_score(target, positive, multi_class="ovr", average="macro", **weighted),
            "average_precision": independent.average_precision_score(truth, positive, **weighted),
            "precision": independent.precision_score(target, y_pred, **average),
            "recall": independent.recall_score(target, y_pred, **average),
            "f1": independent.f1_score(target, y_pred, **average),
            "balanced_accuracy": independent.balanced_accuracy_score(target, y_pred, **weighted),
        }
        assert ClassScorer(target, probabilities)(weight) == pytest.approx(expected, rel=1e-12)


def test_a_certain_mistake_costs_a_finite_log_loss() -> None:
    # Probabilities are clipped to eps = 2^-52; -log 2^-52 = 52 log 2
    values = scores(np.array([1]), np.array([[1.0, 0.0]]))
    assert values["log_loss"] == pytest.approx(52 * math.log(2), rel=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_areas_are_left_out_where_a_class_has_no_rows(n_classes: int) -> None:
    probabilities = np.full((4, n_classes), 1 / n_classes)
    values = scores(np.array([0, 0, 0, n_classes - 2]), probabilities)
    assert {"auc", "average_precision"}.isdisjoint(values)
    assert {"accuracy", "log_loss", "brier"} <= set(values)


def test_precision_is_left_out_where_nothing_is_predicted_positive() -> None:
    values = decision_scores(np.array([[3.0, 0.0], [1.0, 0.0]]))
    assert values == {"balanced_accuracy": 0.5, "recall": 0, "f1": 0}


@pytest.mark.parametrize("seed", SEEDS)
def test_macro_scores_agree_with_scikit_learn_where_a_class_is_never_predicted_or_never_true(seed: int) -> None:
    target, y_pred = np.random.default_rng(seed).integers(0, [[3], [4]], size=(2, 12))  # of five: the last is neither
    confusion = np.bincount(target * 5 + y_pred, minlength=25).reshape(5, 5)
    average = {"average": "macro", "zero_division": 0}
    values = decision_scores(confusion)
    assert values["precision"] == pytest.approx(independent.precision_score(target, y_pred, **average), rel=1e-12)
    assert values["recall"] == pytest.approx(independent.recall_score(target, y_pred, **average), rel=1e-12)
    assert values["f1"] == pytest.approx(independent.f1_score(target, y_pred, **average), rel=1e-12)


def test_the_rates_of_a_class_that_is_never_predicted_and_of_one_that_is_never_true() -> None:
    precision, recall, f1 = precision_recall_f1(np.array([[2, 0, 1], [1, 0, 0], [0, 0, 0]]))
    np.testing.assert_array_equal(precision, [2 / 3, np.nan, 0])
    np.testing.assert_array_equal(recall, [2 / 3, 0, np.nan])
    np.testing.assert_array_equal(f1, [4 / 6, 0, 0])
