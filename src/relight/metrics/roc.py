"""ROC counts, AUC, average precision, weights.

How well scores put positive rows above negative ones.

How much each row counts in a score.
"""

import numpy as np


class RocCounts:
    """Rows in the order of their scores, sorted once, counted under any weights.

    Args:
        is_positive: (n_rows,) bool.
        score: (n_rows,) the higher, the more likely positive; equal scores count as one threshold.
    """

    def __init__(self, is_positive: np.ndarray, score: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        self.is_positive = is_positive[self.order].astype(np.float64)
        self.last_of_tie = np.flatnonzero(np.append(np.diff(score[self.order]) != 0, True))

    def counts(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weight of the negatives and of the positives at or above each threshold, from (0, 0)."""
        ordered = weight[self.order]
        positive = ordered * self.is_positive
        true = np.cumsum(positive)[self.last_of_tie]
        false = np.cumsum(ordered - positive)[self.last_of_tie]
        return np.append(0.0, false), np.append(0.0, true)


def roc_auc(false: np.ndarray, true: np.ndarray) -> float | None:
    """The chance that a positive row scores above a negative one, ties counted half; of `Ranked.counts`.

    The Mann-Whitney statistic, which is the area under the ROC curve (Hanley and McNeil 1982, "The
    meaning and use of the area under a ROC curve"). None where either kind has no rows.
    """
    if false[-1] <= 0 or true[-1] <= 0:
        return None
    return float((np.diff(false) * (true[1:] + true[:-1])).sum() / 2 / (false[-1] * true[-1]))


def average_precision(false: np.ndarray, true: np.ndarray) -> float | None:
    """Σ (recallᵢ - recallᵢ₋₁) precisionᵢ over the thresholds, without interpolation; of `Ranked.counts`.

    None where no row is positive.
    """
    if true[-1] <= 0:
        return None
    precision = true[1:] / np.maximum(true[1:] + false[1:], np.finfo(np.float64).tiny)
    return float((np.diff(true) * precision).sum() / true[-1])


def roc_curve(
    is_positive: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    ranked = RocCounts(is_positive, score)
    false, true = ranked.counts(np.ones(len(score)) if weight is None else weight.astype(np.float64))
    return false / (false[-1] or 1), true / (true[-1] or 1)


def check_sample_weight(n_rows: int, weight: np.ndarray | None) -> np.ndarray:
    """The weights as float64; 1 for every row where there are none, or where all are 0."""
    if weight is None or not weight.any():
        return np.ones(n_rows)
    return weight.astype(np.float64)
