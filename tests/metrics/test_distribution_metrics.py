import math

import numpy as np
import pytest
from scipy.special import rel_entr

from relight.metrics.scorers import DistributionScorer


def test_scores_by_hand() -> None:
    # row 1: 0.5 log(0.5/0.25) + 0.5 log(0.5/0.75); |errors| 0.25, 0.25; the first of two equal shares is the top: wrong
    # row 2: 1 log(1/0.5), the share of 0 adds nothing; |errors| 0.5, 0.5; tied, the first: right
    scores = DistributionScorer(np.array([[0.5, 0.5], [1, 0]]), np.array([[0.25, 0.75], [0.5, 0.5]]))(np.ones(2))
    divergence = (0.5 * math.log(2) + 0.5 * math.log(2 / 3) + math.log(2)) / 2
    assert scores == pytest.approx({"kl_divergence": divergence, "mae": 0.375, "top_1": 0.5}, rel=1e-15)


def test_divergence_agrees_with_scipy_under_weights() -> None:
    generator = np.random.default_rng(0)
    target, predicted = generator.dirichlet(np.ones(4), size=(2, 30))
    weight = generator.random(30)
    scores = DistributionScorer(target, predicted)(weight)
    expected = np.average(rel_entr(target, predicted).sum(axis=1), weights=weight)
    assert scores["kl_divergence"] == pytest.approx(expected, rel=1e-12)


def test_a_share_that_was_predicted_to_be_0_costs_a_finite_divergence() -> None:
    scores = DistributionScorer(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))(np.ones(1))
    assert scores["kl_divergence"] == pytest.approx(52 * math.log(2), rel=1e-15)
