"""Scores of predictions, in NumPy and float64: the field's names, the field's definitions."""

import numpy as np

from relight.domain.schema import Task

Scores = dict[str, float]
SMALLEST = float(np.finfo(np.float64).eps)  # probabilities are clipped to [eps, 1 - eps] before the log


def regression_scores(target: np.ndarray, predicted: np.ndarray) -> Scores:
    """MAE, RMSE and R² of (n_rows,) arrays. R² is left out where the target does not vary."""
    error = predicted.astype(np.float64) - target.astype(np.float64)
    scores = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    if target.max() > target.min():  # not: deviation > 0, which rounding alone can make true
        deviation = target - target.astype(np.float64).mean()
        scores["r2"] = 1 - float((error**2).sum()) / float((deviation**2).sum())
    return scores


def class_scores(target: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Accuracy, log loss and AUC of (n_rows,) class codes and (n_rows, n_classes) probabilities.

    With more than two classes AUC is the mean of one class against the rest. It is left out where
    some class has no rows, for it is not defined there.
    """
    rows = np.arange(len(target))
    certain = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    scores = {
        "accuracy": float((probabilities.argmax(axis=1) == target).mean()),
        "log_loss": float(-np.log(certain[rows, target]).mean()),
    }
    n_classes = probabilities.shape[1]
    if len(np.unique(target)) == n_classes:
        positive = [1] if n_classes == 2 else list(range(n_classes))
        scores["auc"] = float(np.mean([auc(target == k, probabilities[:, k]) for k in positive]))
    return scores


def auc(is_positive: np.ndarray, score: np.ndarray) -> float:
    """The chance that a positive row scores above a negative one, ties counted half.

    The Mann-Whitney statistic (Hanley and McNeil 1982, "The meaning and use of the area under a
    ROC curve"): (sum of the positive ranks - n₊(n₊ + 1)/2) / (n₊ n₋).
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count)
    mean_rank = last_rank - (count - 1) / 2
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    rank_sum = float(mean_rank[place][is_positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def roc_curve(is_positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.diff(score[order]) != 0, True)
    true = np.cumsum(is_positive[order])[last_of_tie] / max(1, is_positive.sum())
    false = np.cumsum(~is_positive[order])[last_of_tie] / max(1, (~is_positive).sum())
    return np.append(0.0, false), np.append(0.0, true)


def calibration(is_right: np.ndarray, confidence: np.ndarray, n_bins: int = 10) -> list[tuple[float, float, int]]:
    """For each bin of confidence that has rows: mean confidence, share that is right, rows."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return [
        (float(confidence[bins == b].mean()), float(is_right[bins == b].mean()), int((bins == b).sum()))
        for b in range(n_bins)
        if (bins == b).any()
    ]


def scores_of(task: Task, target: np.ndarray, predicted: np.ndarray) -> Scores:
    """The task's scores; `predicted` is (n_rows,) numbers or (n_rows, n_classes) probabilities."""
    return regression_scores(target, predicted) if task == "regression" else class_scores(target, predicted)
