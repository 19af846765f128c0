"""Where a probability becomes a decision."""

from typing import Literal

import numpy as np

from relight.domain.class_metrics import decision_scores
from relight.domain.metrics import Scores
from relight.domain.ranking import Ranked
from relight.domain.weighing import row_weights


def best_threshold(
    score: Literal["f1", "balanced_accuracy"],
    target: np.ndarray,
    positive: np.ndarray,
    weight: np.ndarray | None = None,
) -> float:
    """The threshold of the second class's probability that maximises the score on these rows.

    A row at or above it is said to be of the second class. Between two neighbouring probabilities it stands in
    the middle; of several that are as good it is the one nearest to 0.5.

    Args:
        target: (n_rows,) codes, 0 or 1.
        positive: (n_rows,) probability of the second class.
    """
    ranked = Ranked(target == 1, positive)
    false, true = ranked.counts(row_weights(len(target), weight))
    levels = positive[ranked.order][ranked.last_of_tie].astype(np.float64)
    cuts = np.append(1.0 + levels[0], (levels + np.append(levels[1:], 0.0)) / 2)
    value = _f1(false, true) if score == "f1" else _balanced_accuracy(false, true)
    best = np.flatnonzero(value >= value.max() - 1e-12)
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])


def scores_at(threshold: float, target: np.ndarray, positive: np.ndarray, weight: np.ndarray | None = None) -> Scores:
    """Accuracy, balanced accuracy, precision, recall and F1 of the decision at this threshold."""
    said = (positive >= threshold).astype(np.int64)
    confusion = np.bincount(target * 2 + said, row_weights(len(target), weight), 4).reshape(2, 2)
    return {"accuracy": float(np.trace(confusion) / confusion.sum()), **decision_scores(confusion)}


def _f1(false: np.ndarray, true: np.ndarray) -> np.ndarray:
    scores: np.ndarray = 2 * true / np.maximum(true + false + true[-1], np.finfo(np.float64).tiny)
    return scores


def _balanced_accuracy(false: np.ndarray, true: np.ndarray) -> np.ndarray:
    scores: np.ndarray = (true / (true[-1] or 1) + 1 - false / (false[-1] or 1)) / 2
    return scores
