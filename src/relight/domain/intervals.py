"""How far a score would have moved with other test rows."""

import numpy as np

from relight.domain.metrics import Scorer, scorer_for
from relight.domain.query_intervals import resampled_queries
from relight.domain.schema import Task
from relight.domain.weighing import row_weights

LEVELS = (0.025, 0.975)
MOST_ROWS = 20_000  # of a resample

Interval = tuple[float, float]


def bootstrap_intervals(
    task: Task,
    target: np.ndarray,
    predicted: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """95 % percentile intervals of each score (Efron and Tibshirani 1993, "An introduction to the bootstrap", 13.3).

    Of more than 20,000 rows a fixed sample of so many is resampled, and its interval shrunk by the square root of
    the sample's share around the score of all rows (Bickel, Götze and van Zwet 1997, "Resampling fewer than n
    observations").
    """
    if task == "ranking":
        means = resampled_queries(target, predicted, n_resamples=n_resamples, seed=seed)
        return {name: _percentiles(values) for name, values in means.items()}
    weights, scores = row_weights(len(target), weight), scorer_for(task, target, predicted)
    whole = scores(weights)
    if len(target) <= MOST_ROWS:
        drawn = _resample(scores, weights, n_resamples, seed)
        return {name: _percentiles(values) for name, values in drawn.items() if name in whole}
    rows = np.sort(np.random.default_rng(seed).permutation(len(target))[:MOST_ROWS])
    scores, weights = scorer_for(task, target[rows], predicted[rows]), row_weights(MOST_ROWS, weights[rows])
    sample, shrink = scores(weights), float(np.sqrt(MOST_ROWS / len(target)))
    moved = {
        name: whole[name] + shrink * (np.array(values) - sample[name])
        for name, values in _resample(scores, weights, n_resamples, seed).items()
        if name in whole and name in sample
    }
    return {name: _percentiles(values) for name, values in moved.items()}


def _resample(scores: Scorer, weights: np.ndarray, n_resamples: int, seed: int) -> dict[str, list[float]]:
    """Each score of each resample that defines it. A resample is how often it holds each row."""
    generator, n_rows = np.random.default_rng(seed), len(weights)
    drawn: dict[str, list[float]] = {}
    for _ in range(n_resamples):
        counts = np.bincount(generator.integers(n_rows, size=n_rows), minlength=n_rows) * weights
        for name, value in scores(counts).items() if counts.any() else ():
            drawn.setdefault(name, []).append(value)
    return drawn


def _percentiles(values: list[float] | np.ndarray) -> Interval:
    low, high = np.quantile(values, LEVELS)
    return float(low), float(high)
