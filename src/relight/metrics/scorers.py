"""Scores of predictions by task, in NumPy and float64; the scorers of numbers, distributions and pairs."""

from typing import Protocol

import numpy as np

from relight.data.schema import Task
from relight.metrics.classification import PROBABILITY_EPSILON, ClassScorer, Scores
from relight.metrics.ranking import RankingScorer
from relight.metrics.roc import RocCounts, RowMean, average_precision, check_sample_weight, roc_auc

RECALL_CUTOFFS = (1, 5)


class Scorer(Protocol):
    """The scores of some rows under weights of the rows, (n_rows,) float64 that are not all 0.

    What does not depend on the weights is computed once: a bootstrap resample is a weight for each row.
    """

    def __call__(self, sample_weight: np.ndarray) -> Scores:
        """Return the scores that are defined under these weights."""
        ...

    def row_means(self) -> dict[str, RowMean]:
        """Return the scores that are a function of one weighted mean over the rows."""
        ...


def build_scorer(task: Task, y_true: np.ndarray, y_pred: np.ndarray) -> Scorer:
    """Return the scorer of the task.

    Args:
        y_true: (n_rows,) numbers or class codes; (n_rows, n_classes) for a distribution; (n_rows, 2) relevance and
            query for a ranking.
        y_pred: (n_rows,) numbers or scores, or (n_rows, n_classes) probabilities.
    """
    match task:
        case "regression":
            return RegressionScorer(y_true, y_pred)
        case "binary" | "multiclass":
            return ClassScorer(y_true, y_pred)
        case "distribution":
            return DistributionScorer(y_true, y_pred)
        case "forecast":
            raise AssertionError("forecasts are scored by metrics/forecasts.py")
        case "ranking":
            return RankingScorer(y_true, y_pred)
        case "similarity":
            return PairScorer(y_true, y_pred)


def compute_scores(
    task: Task, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
) -> Scores:
    """Return the task's scores; those that are not defined on these rows are left out. Arrays as in `build_scorer`."""
    return build_scorer(task, y_true, y_pred)(check_sample_weight(len(y_true), sample_weight))


def primary_metric(task: Task) -> str:
    """Return the score that represents the task: importance and slices are measured in it."""
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
    """Return the primary metric as a loss: 1 - NDCG@10 for a ranking."""
    value = scores[primary_metric(task)]
    return 1 - value if task == "ranking" else value


class RegressionScorer:
    """Mean and median absolute error, RMSE, R² and MAPE under any weights of the rows.

    R² is left out if the target does not vary, MAPE (a share, not percents) if a target is 0.

    Args:
        y_true, y_pred: (n_rows,) numbers.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        self.y_true = y_true.astype(np.float64)
        self.absolute_error = np.abs(y_pred.astype(np.float64) - self.y_true)
        self.squared_error = self.absolute_error**2
        self.order = np.argsort(self.absolute_error, kind="stable")

    def __call__(self, sample_weight: np.ndarray) -> Scores:
        scores = {
            "mae": float(np.average(self.absolute_error, weights=sample_weight)),
            "rmse": float(np.sqrt(np.average(self.squared_error, weights=sample_weight))),
            "median_ae": self._median(sample_weight),
        }
        counted = self.y_true[sample_weight > 0]
        if counted.max() > counted.min():  # not: deviation > 0, which rounding alone can make true
            deviation = self.y_true - np.average(self.y_true, weights=sample_weight)
            residual = float((sample_weight * self.squared_error).sum())
            scores["r2"] = 1 - residual / float((sample_weight * deviation**2).sum())
        if counted.all():
            share = self.absolute_error / np.where(sample_weight > 0, np.abs(self.y_true), 1)
            scores["mape"] = float(np.average(share, weights=sample_weight))
        return scores

    def _median(self, sample_weight: np.ndarray) -> float:
        """Return the weighted median of the errors: the mean of two if the weights halve exactly between them."""
        counted = self.order[sample_weight[self.order] > 0]
        reached = np.cumsum(sample_weight[counted])
        middle = np.searchsorted(reached, reached[-1] / 2)
        above = middle + int(reached[middle] == reached[-1] / 2)
        return float((self.absolute_error[counted[middle]] + self.absolute_error[counted[above]]) / 2)

    def row_means(self) -> dict[str, RowMean]:
        """Return MAE, RMSE (the root of a mean) and, if no target is 0, MAPE."""
        means = {"mae": RowMean(self.absolute_error), "rmse": RowMean(self.squared_error, np.sqrt)}
        if self.y_true.all():
            means["mape"] = RowMean(self.absolute_error / np.abs(self.y_true))
        return means


class DistributionScorer:
    """Kullback-Leibler divergence, mean absolute error over the classes, and how often the top class is right.

    The divergence is Σ y_true log(y_true / y_pred) in nats (Kullback and Leibler 1951, "On information and
    sufficiency"); a share of 0 adds nothing.

    Args:
        y_true, y_pred: (n_rows, n_classes), each row sums to 1.
    """

    def __init__(self, y_true: np.ndarray, y_pred: np.ndarray) -> None:
        truth, prediction = y_true.astype(np.float64), y_pred.astype(np.float64)
        ratio = np.where(truth > 0, truth, 1) / np.clip(prediction, PROBABILITY_EPSILON, None)
        self.divergence = np.where(truth > 0, truth * np.log(ratio), 0).sum(axis=1)
        self.absolute_error = np.abs(prediction - truth).mean(axis=1)
        self.is_correct = (truth.argmax(axis=1) == prediction.argmax(axis=1)).astype(np.float64)

    def __call__(self, sample_weight: np.ndarray) -> Scores:
        return {name: float(np.average(mean.values, weights=sample_weight)) for name, mean in self.row_means().items()}

    def row_means(self) -> dict[str, RowMean]:
        """Return all three scores."""
        values = {"kl_divergence": self.divergence, "mae": self.absolute_error, "top_1": self.is_correct}
        return {name: RowMean(each) for name, each in values.items()}


class PairScorer:
    """AUC, average precision, and the accuracy of the decision, under any weights of the rows.

    AUC and average precision are left out if they are not defined.

    Args:
        y_true: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike; 0 and above is predicted to be alike.
    """

    def __init__(self, y_true: np.ndarray, score: np.ndarray) -> None:
        self.is_alike, self.is_predicted_alike = y_true == 1, score >= 0
        self.roc_counts = RocCounts(self.is_alike, score)

    def __call__(self, sample_weight: np.ndarray) -> Scores:
        counts = self.roc_counts.cumulative_counts(sample_weight)
        areas = {"auc": roc_auc(*counts), "average_precision": average_precision(*counts)}
        accuracy = float(np.average(self.is_predicted_alike == self.is_alike, weights=sample_weight))
        return {"accuracy": accuracy, **{name: value for name, value in areas.items() if value is not None}}

    def row_means(self) -> dict[str, RowMean]:
        """Return the accuracy."""
        return {"accuracy": RowMean((self.is_predicted_alike == self.is_alike).astype(np.float64))}


def recall_at(group: np.ndarray, y_true: np.ndarray, score: np.ndarray) -> Scores:
    """Return recall at 1 and 5: the share of left records whose match is among the k best of their candidates.

    Counted are the left records that have a match and a candidate that is none; empty if there are none. A candidate
    with the same score as the match counts as better.

    Args:
        group: (n_rows,) number of the left record, from 0.
        y_true: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike.
    """
    is_alike, n_groups = y_true == 1, int(group.max()) + 1
    best = np.full(n_groups, -np.inf)
    np.maximum.at(best, group[is_alike], score[is_alike])
    n_better = np.bincount(group, ~is_alike & (score >= best[group]), n_groups)
    n_others = np.bincount(group, ~is_alike, n_groups)
    is_counted = np.isfinite(best) & (n_others > 0)
    if not is_counted.any():
        return {}
    return {f"recall_at_{k}": float((n_better[is_counted] < k).mean()) for k in RECALL_CUTOFFS}


def group_numbers(rows: list[np.ndarray]) -> np.ndarray:
    """Return (n_rows,) numbers from 0, equal for rows that are equal in every array, (n_rows, ...) each."""
    flat = [np.ascontiguousarray(array.reshape(len(array), -1)).view(np.uint8) for array in rows if array.size]
    together = np.ascontiguousarray(np.concatenate(flat, axis=1))
    groups: np.ndarray = np.unique(together.view(f"V{together.shape[1]}").reshape(-1), return_inverse=True)[1]
    return groups
