import math

import numpy as np
import pytest
from sklearn import metrics as independent

from relight.metrics.scorers import RegressionScorer

SEEDS = range(8)


def scores(target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> dict[str, float]:
    return RegressionScorer(target, predicted)(np.ones(len(target)) if weight is None else weight)


def test_scores_by_hand() -> None:
    # errors 1, 0, -2: MAE 3/3; RMSE sqrt(5/3); deviations of 1, 2, 6 from 3: 4 + 1 + 9 = 14; R² = 1 - 5/14
    # the middle error is 1; shares 1/1, 0/2, 2/6: MAPE 4/9
    expected = {"mae": 1, "rmse": math.sqrt(5 / 3), "r2": 9 / 14, "median_ae": 1, "mape": 4 / 9}
    assert scores(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 4.0])) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_rows", [50, 51])
def test_scores_agree_with_scikit_learn_with_and_without_weights(seed: int, n_rows: int) -> None:
    generator = np.random.default_rng(seed)
    target, predicted = generator.normal(size=(2, n_rows))
    for weight in (np.ones(n_rows), generator.integers(0, 4, size=n_rows).astype(float)):
        expected = {
            "mae": independent.mean_absolute_error(target, predicted, sample_weight=weight),
            "rmse": independent.root_mean_squared_error(target, predicted, sample_weight=weight),
            "r2": independent.r2_score(target, predicted, sample_weight=weight),
            "mape": independent.mean_absolute_percentage_error(target, predicted, sample_weight=weight),
            "median_ae": independent.median_absolute_error(target, predicted, sample_weight=weight),
        }
        assert scores(target, predicted, weight) == pytest.approx(expected, rel=1e-12)


def test_whole_weights_are_repeated_rows() -> None:
    target, predicted = np.random.default_rng(0).normal(size=(2, 20))
    counts = np.random.default_rng(1).integers(0, 4, size=20)
    repeated = scores(np.repeat(target, counts), np.repeat(predicted, counts))
    assert scores(target, predicted, counts.astype(float)) == pytest.approx(repeated, rel=1e-12)


def test_float32_numbers_are_scored_in_float64() -> None:
    # In float32 the squares of 1e30 are infinite.
    target = np.array([0, 1e30], dtype=np.float32)
    values = scores(target, np.zeros(2, dtype=np.float32))
    assert values["rmse"] == pytest.approx(1e30 / math.sqrt(2), rel=1e-6)
    assert values["r2"] == pytest.approx(-1, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_r2_is_left_out_where_the_target_does_not_vary(dtype: type) -> None:
    # Three times 0.1 has a mean of 0.10000000000000002 in float64: rounding is no variation.
    values = scores(np.full(3, 0.1, dtype=dtype), np.zeros(3))
    assert set(values) == {"mae", "rmse", "median_ae", "mape"}


def test_mape_is_left_out_where_a_target_is_zero_unless_it_weighs_nothing() -> None:
    target, predicted = np.array([0.0, 1.0, 2.0]), np.ones(3)
    assert "mape" not in scores(target, predicted)
    assert scores(target, predicted, np.array([0.0, 1, 1]))["mape"] == pytest.approx(0.25)
