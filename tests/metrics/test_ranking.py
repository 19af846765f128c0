import numpy as np
import pytest
from sklearn import metrics as independent

from relight.metrics.roc import RocCounts, average_precision, roc_auc, roc_curve

SEEDS = range(8)


def random_scores(seed: int, n_levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 rows, both classes among them, scores on a coarse grid so that many are tied, and weights."""
    generator = np.random.default_rng(seed)
    is_positive = np.append(generator.random(58) < 0.4, [True, False])
    return is_positive, generator.integers(n_levels, size=60) / n_levels, generator.integers(0, 5, size=60) / 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_levels", [1, 2, 5, 1000])
def test_areas_agree_with_scikit_learn_on_ties_and_weights(seed: int, n_levels: int) -> None:
    is_positive, score, weight = random_scores(seed, n_levels)
    for weights in (np.ones(60), weight):
        counts = RocCounts(is_positive, score).cumulative_counts(weights)
        weighted = {"sample_weight": weights}
        assert roc_auc(*counts) == pytest.approx(independent.roc_auc_score(is_positive, score, **weighted), rel=1e-12)
        expected = independent.average_precision_score(is_positive, score, **weighted)
        assert average_precision(*counts) == pytest.approx(expected, rel=1e-12)


def test_auc_by_hand() -> None:
    # positives score 0.6 and 0.9, negatives 0.2 and 0.6: of the 4 pairs 3 in order and 1 tied: 3.5 / 4
    ranked = RocCounts(np.array([False, True, False, True]), np.array([0.2, 0.6, 0.6, 0.9]))
    assert roc_auc(*ranked.cumulative_counts(np.ones(4))) == 3.5 / 4


def test_areas_are_undefined_if_a_kind_has_no_rows() -> None:
    ranked = RocCounts(np.array([False, True]), np.array([0.2, 0.6]))
    only_negative, only_positive = (
        ranked.cumulative_counts(np.array([1.0, 0.0])),
        ranked.cumulative_counts(np.array([0.0, 1.0])),
    )
    assert (roc_auc(*only_negative), average_precision(*only_negative)) == (None, None)
    assert (roc_auc(*only_positive), average_precision(*only_positive)) == (None, 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n_levels", [1, 2, 5, 1000])
def test_roc_curve_agrees_with_scikit_learn_on_ties_and_weights(seed: int, n_levels: int) -> None:
    is_positive, score, weight = random_scores(seed, n_levels)
    for weights in (None, weight + 1):
        expected = independent.roc_curve(is_positive, score, drop_intermediate=False, sample_weight=weights)
        ours = roc_curve(is_positive, score, weights)
        np.testing.assert_allclose(ours[0], expected[0], rtol=1e-14)
        np.testing.assert_allclose(ours[1], expected[1], rtol=1e-14)
