"""Macro averages over classes of few rows: resamples lack some of them."""

import numpy as np
from sklearn.metrics import f1_score

from relight.metrics.bootstrap import bootstrap_intervals


def test_macro_scores_of_rare_classes_lie_in_the_middle_of_their_interval() -> None:
    """150 classes, most of them of a few rows: scikit-learn's macro F1 of resamples is lower than that of all rows."""
    draw = np.random.default_rng(0)
    share = draw.dirichlet(np.full(150, 0.5))
    y_true = draw.choice(150, size=600, p=share)
    y_pred = np.where(draw.random(600) < 0.6, y_true, draw.choice(150, size=600, p=share))
    probabilities = np.full((600, 150), 0.3 / 150)
    probabilities[np.arange(600), y_pred] += 0.7
    found = bootstrap_intervals("multiclass", y_true, probabilities, n_resamples=200, seed=5)
    generator, drawn = np.random.default_rng(5), []
    for _ in range(200):
        rows = generator.integers(600, size=600)
        drawn.append(f1_score(y_true[rows], y_pred[rows], average="macro", zero_division=0))
    whole = f1_score(y_true, y_pred, average="macro", zero_division=0)
    bias = float(np.mean(drawn)) - whole
    assert bias < -0.015
    np.testing.assert_allclose(found["f1"], np.quantile(drawn, [0.025, 0.975]) - bias, atol=1e-12)
    low, high = found["f1"]
    assert 0.4 < (whole - low) / (high - low) < 0.6


def test_intervals_of_classes_with_enough_rows_are_percentiles_as_they_are() -> None:
    y_true = np.repeat(np.arange(3), 30)
    probabilities = np.random.default_rng(2).dirichlet(np.ones(3), size=90)
    found = bootstrap_intervals("multiclass", y_true, probabilities, n_resamples=100, seed=1)
    generator, drawn = np.random.default_rng(1), []
    for _ in range(100):
        rows = generator.integers(90, size=90)
        drawn.append(f1_score(y_true[rows], probabilities.argmax(axis=1)[rows], average="macro", zero_division=0))
    np.testing.assert_allclose(found["f1"], np.quantile(drawn, [0.025, 0.975]), atol=1e-12)
