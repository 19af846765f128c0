import math

import numpy as np
import pytest
from sklearn import metrics as independent

from relight.domain.metrics import auc, calibration, class_scores, regression_scores, roc_curve, scores_of

SEEDS = range(8)


def random_scores(seed: int, n_levels: int) -> tuple[np.ndarray, np.ndarray]:
    """60 rows, both classes among them, scores on a coarse grid so that many are tied."""
    generator = np.random.default_rng(seed)
    is_positive = np.append(generator.random(58) < 0.4, [True, False])
    return is_positive, generator.integers(n_levels, size=60) / n_levels


def random_probabilities(seed: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """90 rows of every class, and probabilities with ties that sum to 1."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(1, 5, size=(90, n_classes)).astype(np.float64)
    return np.arange(90) % n_classes, weights / weights.sum(axis=1, keepdims=True)


def test_regression_scores_by_hand() -> None:
    # errors 1, 0, -2: MAE 3/3; RMSE sqrt(5/3); deviations of 1, 2, 6 from 3: 4 + 1 + 9 = 14; R² = 1 - 5/14
    scores = regression_scores(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 4.0]))
    assert scores == pytest.approx({"mae": 1, "rmse": math.sqrt(5 / 3), "r2": 9 / 14}, rel=1e-15)


@pytest.mark.parametrize("seed", SEEDS)
def test_regression_scores_agree_with_scikit_learn(seed: int) -> None:
    target, predicted = np.random.default_rng(seed).normal(size=(2, 50))
    expected = {
        "mae": independent.mean_absolute_error(target, predicted),
        "rmse": independent.root_mean_squared_error(target, predicted),
        "r2": independent.r2_score(target, predicted),
    }
    assert regression_scores(target, predicted) == pytest.approx(expected, rel=1e-12)


def test_float32_numbers_are_scored_in_float64() -> None:
    # In float32 the squares of 1e30 are infinite.
    target = np.array([0, 1e30], dtype=np.float32)
    scores = regression_scores(target, np.zeros(2, dtype=np.float32))
    assert scores["rmse"] == pytest.approx(1e30 / math.sqrt(2), rel=1e-6)
    assert scores["r2"] == pytest.approx(-1, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_r2_is_left_out_where_the_target_does_not_vary(dtype: type) -> None:
    # Three times 0.1 has a mean of 0.10000000000000002 in float64: rounding is no variation.
    assert set(regression_scores(np.full(3, 0.1, dtype=dtype), np.zeros(3))) == {"mae", "rmse"}


def test_class_scores_by_hand() -> None:
    # right, right, wrong, right; log loss -(log 0.8 + log 0.6 + log 0.4 + log 0.9) / 4
    # positives score 0.6 and 0.9, negatives 0.2 and 0.6: of the 4 pairs 3 in order and 1 tied: 3.5 / 4
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6], [0.4, 0.6], [0.1, 0.9]])
    scores = class_scores(np.array([0, 1, 0, 1]), probabilities)
    surprise = -(math.log(0.8) + math.log(0.6) + math.log(0.4) + math.log(0.9)) / 4
    assert scores == pytest.approx({"accuracy": 0.75, "log_loss": surprise, "auc": 3.5 / 4}, rel=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_class_scores_agree_with_scikit_learn(seed: int, n_classes: int) -> None:
    target, probabilities = random_probabilities(seed, n_classes)
    positive = probabilities[:, 1] if n_classes == 2 else probabilities
    expected = {
        "accuracy": independent.accuracy_score(target, probabilities.argmax(axis=1)),
        "log_loss": independent.log_loss(target, probabilities),
        "auc": independent.roc_auc_score(target, positive, multi_class="ovr", average="macro"),
    }
    assert class_scores(target, probabilities) == pytest.approx(expected, rel=1e-12)


def test_a_certain_mistake_costs_a_finite_log_loss() -> None:
    # Probabilities are clipped to eps = 2^-52; -log 2^-52 = 52 log 2
    scores = class_scores(np.array([1]), np.array([[1.0, 0.0]]))
    assert scores["log_loss"] == pytest.approx(52 * math.log(2), rel=1e-15)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_auc_is_left_out_where_a_class_has_no_rows(n_classes: int) -> None:
    probabilities = np.full((4, n_classes), 1 / n_classes)
    assert set(class_scores(np.array([0, 0, 0, n_classes - 2]), probabilities)) == {"accuracy", "log_loss"}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_levels", [1, 2, 5, 1000])
def test_auc_agrees_with_scikit_learn_on_ties(seed: int, n_levels: int) -> None:
    is_positive, score = random_scores(seed, n_levels)
    assert auc(is_positive, score) == pytest.approx(independent.roc_auc_score(is_positive, score), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_levels", [1, 2, 5, 1000])
def test_roc_curve_agrees_with_scikit_learn_on_ties(seed: int, n_levels: int) -> None:
    is_positive, score = random_scores(seed, n_levels)
    false, true, _ = independent.roc_curve(is_positive, score, drop_intermediate=False)
    ours = roc_curve(is_positive, score)
    np.testing.assert_allclose(ours[0], false, rtol=1e-14)
    np.testing.assert_allclose(ours[1], true, rtol=1e-14)


def test_the_area_under_the_roc_curve_is_the_auc() -> None:
    is_positive, score = random_scores(3, 7)
    false, true = roc_curve(is_positive, score)
    assert float(np.trapezoid(true, false)) == pytest.approx(auc(is_positive, score), rel=1e-14)


def test_calibration_by_hand() -> None:
    # bins of a tenth: 0.05 | 0.41, 0.49 | 0.95, 1.0; certainty belongs to the last bin
    confidence = np.array([0.41, 1.0, 0.05, 0.49, 0.95])
    is_right = np.array([True, True, False, False, True])
    expected = [(0.05, 0.0, 1), (0.45, 0.5, 2), (0.975, 1.0, 2)]
    assert [pytest.approx(bin_) for bin_ in calibration(is_right, confidence)] == expected


def test_calibration_counts_every_row_once() -> None:
    confidence = np.random.default_rng(0).random(1000)
    assert sum(rows for _, _, rows in calibration(confidence > 0.5, confidence)) == 1000


def test_each_task_has_its_own_scores() -> None:
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6]])
    assert set(scores_of("regression", np.array([1.0, 2.0]), np.array([1.0, 2.0]))) == {"mae", "rmse", "r2"}
    assert set(scores_of("binary", np.array([0, 1]), probabilities)) == {"accuracy", "log_loss", "auc"}
    assert set(scores_of("multiclass", np.array([0, 1]), probabilities)) == {"accuracy", "log_loss", "auc"}
