"""Task to scorer; regression, shares, pairs.

Scores of predicted label distributions.

How well a score tells pairs that are alike from those that are not.

Scores of predicted numbers.

Scores of predictions, in NumPy and float64: the field's names, the field's definitions.
"""

from typing import Protocol

import numpy as np

from relight.data.schema import Task
from relight.metrics.classification import PROBABILITY_EPSILON, ClassScorer, Scores
from relight.metrics.ranking import RankingScorer
from relight.metrics.roc import RocCounts, average_precision, check_sample_weight, roc_auc

RECALL_CUTOFFS = (1, 5)


class DistributionScorer:
    """Kullback-Leibler divergence, mean absolute error over the classes, and how often the top class is right.

    The divergence is that of the prediction from the truth, Σ target log(target / predicted), in nats; a
    share of 0 adds nothing.

    Args:
        target, predicted: (n_rows, n_classes), each row sums to 1.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        truth, prediction = y_true.astype(np.float64), y_pred.astype(np.float64)
        ratio = np.where(truth > 0, truth, 1) / np.clip(prediction, PROBABILITY_EPSILON, None)
        self.divergence = np.where(truth > 0, truth * np.log(ratio), 0).sum(axis=1)
        self.absolute_error = np.abs(prediction - truth).mean(axis=1)
        self.is_correct = (truth.argmax(axis=1) == prediction.argmax(axis=1)).astype(np.float64)

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        return {
            "kl_divergence": float(np.average(self.divergence, weights=sample_weight)),
            "mae": float(np.average(self.absolute_error, weights=sample_weight)),
            "top_1": float(np.average(self.is_correct, weights=sample_weight)),
        }


class PairScorer:
    """AUC, average precision, and the accuracy of the decision, under any weights of the rows.

    AUC and average precision are left out where they are not defined.

    Args:
        target: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike; 0 and above is said to be alike.
    """

    def __init__(self, y_true: np.ndarray, score: np.ndarray) -> None:
        self.is_alike, self.is_predicted_alike = y_true == 1, score >= 0
        self.roc_counts = RocCounts(self.is_alike, score)

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        counts = self.roc_counts.cumulative_counts(sample_weight)
        ranking = {"auc": roc_auc(*counts), "average_precision": average_precision(*counts)}
        right = float(np.average(self.is_predicted_alike == self.is_alike, weights=sample_weight))
        return {"accuracy": right, **{name: value for name, value in ranking.items() if value is not None}}


def recall_at(group: np.ndarray, y_true: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """The share of left records whose match is among the k best of their candidates, k = 1 and 5.

    Of the left records that have a match and a candidate that is none; empty where there are no such records. A
    candidate with the very score of the match counts as better.

    Args:
        group: (n_rows,) which left record, as a number from 0.
        target: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike.
    """
    is_alike, n_groups = y_true == 1, int(group.max()) + 1
    best = np.full(n_groups, -np.inf)
    np.maximum.at(best, group[is_alike], score[is_alike])
    before = np.bincount(group, ~is_alike & (score >= best[group]), n_groups)
    others = np.bincount(group, ~is_alike, n_groups)
    is_counted = np.isfinite(best) & (others > 0)
    return (
        {f"recall_at_{k}": float((before[is_counted] < k).mean()) for k in RECALL_CUTOFFS} if is_counted.any() else {}
    )


def group_numbers(rows: list[np.ndarray]) -> np.ndarray:
    """The same number from 0 for rows that are the same in every array, (n_rows, ...) each."""
    flat = [np.ascontiguousarray(array.reshape(len(array), -1)).view(np.uint8) for array in rows if array.size]
    together = np.ascontiguousarray(np.concatenate(flat, axis=1))
    groups: np.ndarray = np.unique(together.view(f"V{together.shape[1]}").reshape(-1), return_inverse=True)[1]
    return groups


class RegressionScorer:
    """Mean and median absolute error, RMSE, R² and MAPE under any weights of the rows.

    R² is left out where the target does not vary, MAPE (a share, not percents) where a target is 0:
    neither is defined there.

    Args:
        target, predicted: (n_rows,) numbers.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.y_true = y_true.astype(np.float64)
        self.absolute_error = np.abs(y_pred.astype(np.float64) - self.y_true)
        self.squared_error = self.absolute_error**2
        self.order = np.argsort(self.absolute_error, kind="stable")

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        scores = {
            "mae": float(np.average(self.absolute_error, weights=sample_weight)),
            "rmse": float(np.sqrt(np.average(self.squared_error, weights=sample_weight))),
            "median_ae": self._median(sample_weight),
        }
        counted = self.y_true[sample_weight > 0]
        if counted.max() > counted.min():  # not: deviation > 0, which rounding alone can make true
            deviation = self.y_true - np.average(self.y_true, weights=sample_weight)
            scores["r2"] = 1 - float((sample_weight * self.squared_error).sum()) / float(
                (sample_weight * deviation**2).sum()
            )
        if counted.all():
            share = self.absolute_error / np.where(sample_weight > 0, np.abs(self.y_true), 1)
            scores["mape"] = float(np.average(share, weights=sample_weight))
        return scores

    def _median(self, sample_weight: np.ndarray) -> float:
        """The middle of the errors, or the mean of both middles where the weights halve exactly between."""
        counted = self.order[sample_weight[self.order] > 0]
        reached = np.cumsum(sample_weight[counted])
        middle = np.searchsorted(reached, reached[-1] / 2)
        above = middle + int(reached[middle] == reached[-1] / 2)
        return float((self.absolute_error[counted[middle]] + self.absolute_error[counted[above]]) / 2)


class Scorer(Protocol):
    """The scores of some rows under weights of the rows, (n_rows,) float64 that are not all 0.

    What does not depend on the weights is computed once: a bootstrap resample is a weight for each row.
    """

    def __call__(self, sample_weight: np.ndarray) -> Scores: ...


def build_scorer(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> Scorer:
    """The task's scores.

    Args:
        target: (n_rows,) numbers or class codes; for a distribution (n_rows, n_classes); for a ranking (n_rows, 2).
        predicted: (n_rows,) numbers, or (n_rows, n_classes) probabilities.
    """
    match task:
        case "regression":
            return RegressionScorer(y_true, y_pred)
        case "binary" | "multiclass":
            return ClassScorer(y_true, y_pred)
        case "distribution":
            return DistributionScorer(y_true, y_pred)
        case "forecast":
            raise AssertionError("forecasts are judged by judging_forecasts")
        case "ranking":
            return RankingScorer(y_true, y_pred)
        case "similarity":
            return PairScorer(y_true, y_pred)


def compute_scores(
    task: Task, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
) -> Scores:
    """The task's scores; those that are not defined on these rows are left out."""
    return build_scorer(task, y_true, y_pred)(check_sample_weight(len(y_true), sample_weight))


def primary_metric(task: Task) -> str:
    """The score that stands for the task: what importance and slices are measured in."""
    match task:
        case "regression":
            return "rmse"
        case "binary" | "multiclass":
            return "log_loss"
        case "distribution":
            return "kl_divergence"
        case "forecast":
            return "mae"
        case "ranking":
            return "ndcg@10"
        case "similarity":
            return "auc"


def primary_loss(task: Task, scores: Scores) -> float:
    """The same, where lower is better: 1 - NDCG@10 for a ranking."""
    value = scores[primary_metric(task)]
    return 1 - value if task == "ranking" else value
