"""ROC curve, AUC and average precision under weights of the rows; the weights themselves."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class RowMean(NamedTuple):
    """A score that is a function of one weighted mean over the rows: transform(Σ w values / Σ w).

    Many resamples of such a score are one product of matrices.

    Attributes:
        values: (n_rows,) float64, what each row contributes; for a ranking (n_measured,), one value per measured query.
        transform: applied to the mean, elementwise.
    """

    values: np.ndarray
    transform: Callable[[np.ndarray], np.ndarray] = np.asarray


class RocCounts:
    """Rows sorted once by their scores, and counted under any weights.

    Args:
        is_positive: (n_rows,) bool.
        score: (n_rows,) the higher, the more likely positive; equal scores count as one threshold.
    """

    def __init__(self, is_positive: np.ndarray, score: np.ndarray) -> None:
        self.order = np.argsort(-score, kind="stable")
        self.is_positive = is_positive[self.order].astype(np.float64)
        self.last_of_tie = np.flatnonzero(np.append(np.diff(score[self.order]) != 0, True))

    def cumulative_counts(self, sample_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (fp, tp), each (n_thresholds + 1,): the weight at or above each threshold, from (0, 0)."""
        ordered = sample_weight[self.order]
        positive = ordered * self.is_positive
        tp = np.cumsum(positive)[self.last_of_tie]
        fp = np.cumsum(ordered - positive)[self.last_of_tie]
        return np.append(0.0, fp), np.append(0.0, tp)


def roc_auc(fp: np.ndarray, tp: np.ndarray) -> float | None:
    """Return the chance that a positive row scores above a negative one, ties counted half.

    The Mann-Whitney statistic, which is the area under the ROC curve (Hanley and McNeil 1982, "The
    meaning and use of the area under a ROC curve"). None if either class has no rows.

    Args:
        fp, tp: cumulative counts of `RocCounts`.
    """
    if fp[-1] <= 0 or tp[-1] <= 0:
        return None
    return float((np.diff(fp) * (tp[1:] + tp[:-1])).sum() / 2 / (fp[-1] * tp[-1]))


def average_precision(fp: np.ndarray, tp: np.ndarray) -> float | None:
    """Return Σ (recallᵢ - recallᵢ₋₁) precisionᵢ over the thresholds, without interpolation; None without positives.

    Args:
        fp, tp: cumulative counts of `RocCounts`.
    """
    if tp[-1] <= 0:
        return None
    precision = tp[1:] / np.maximum(tp[1:] + fp[1:], np.finfo(np.float64).tiny)
    return float((np.diff(tp) * precision).sum() / tp[-1])


def roc_curve(
    is_positive: np.ndarray, score: np.ndarray, sample_weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the false and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    weight = np.ones(len(score)) if sample_weight is None else sample_weight.astype(np.float64)
    fp, tp = RocCounts(is_positive, score).cumulative_counts(weight)
    return fp / (fp[-1] or 1), tp / (tp[-1] or 1)


def check_sample_weight(n_rows: int, sample_weight: np.ndarray | None) -> np.ndarray:
    """Return the weights as float64; 1 for every row if there are none, or if all are 0."""
    if sample_weight is None or not sample_weight.any():
        return np.ones(n_rows)
    return sample_weight.astype(np.float64)
