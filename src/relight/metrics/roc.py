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

    def cumulative_counts(self, sample_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weight of the negatives and of the positives at or above each threshold, from (0, 0)."""
        ordered = sample_weight[self.order]
        positive = ordered * self.is_positive
        tp = np.cumsum(positive)[self.last_of_tie]
        fp = np.cumsum(ordered - positive)[self.last_of_tie]
        return np.append(0.0, fp), np.append(0.0, tp)


def roc_auc(fp: np.ndarray, tp: np.ndarray) -> float | None:
    """The chance that a positive row scores above a negative one, ties counted half; of `Ranked.counts`.

    The Mann-Whitney statistic, which is the area under the ROC curve (Hanley and McNeil 1982, "The
    meaning and use of the area under a ROC curve"). None where either kind has no rows.
    """
    if fp[-1] <= 0 or tp[-1] <= 0:
        return None
    return float((np.diff(fp) * (tp[1:] + tp[:-1])).sum() / 2 / (fp[-1] * tp[-1]))


def average_precision(fp: np.ndarray, tp: np.ndarray) -> float | None:
    """Σ (recallᵢ - recallᵢ₋₁) precisionᵢ over the thresholds, without interpolation; of `Ranked.counts`.

    None where no row is positive.
    """
    if tp[-1] <= 0:
        return None
    precision = tp[1:] / np.maximum(tp[1:] + fp[1:], np.finfo(np.float64).tiny)
    return float((np.diff(tp) * precision).sum() / tp[-1])


def roc_curve(
    is_positive: np.ndarray, score: np.ndarray, sample_weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    ranked = RocCounts(is_positive, score)
    fp, tp = ranked.cumulative_counts(
        np.ones(len(score)) if sample_weight is None else sample_weight.astype(np.float64)
    )
    return fp / (fp[-1] or 1), tp / (tp[-1] or 1)


def check_sample_weight(n_rows: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """The weights as float64; 1 for every row where there are none, or where all are 0."""
    if sample_weight is None or not sample_weight.any():
        return np.ones(n_rows)
    return sample_weight.astype(np.float64)
