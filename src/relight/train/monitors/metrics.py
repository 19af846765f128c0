"""Metrics of the validation rows by name, in NumPy and float64, as reports/metrics.json has them.

They are written out here in a few lines, because a train stage that read all of metrics/ would train again whenever a
score of the reports is edited; tests compare them with those.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from torch import Tensor

from relight.data.schema import Task
from relight.errors import InputError
from relight.metrics.ranking import RankingScorer
from relight.metrics.roc import RocCounts, average_precision, roc_auc
from relight.train.monitors.choice import KEY, METRICS_BY_TASK
from relight.train.params import MetricName

Metric = Callable[[np.ndarray, np.ndarray, np.ndarray], float | None]  # y_true, y_pred, sample_weight; None: undefined
EPSILON = float(np.finfo(np.float64).eps)


class Truth(NamedTuple):
    """The validation rows as a metric sees them.

    Attributes:
        y_true: (n_rows,) numbers, class codes, or 1 for pairs that are alike; (n_rows, n_classes) shares;
            (n_rows, horizon) with NaN for a gap; (n_rows, 2) relevance and query.
        sample_weight: (n_rows,) float64, without the weights of the classes; 1 if all rows count the same.
        predict: outputs on the network's scale → (n_rows,) numbers or scores, the higher the more relevant or alike;
            (n_rows, n_classes) probabilities; (n_rows, horizon).
    """

    task: Task
    y_true: np.ndarray
    sample_weight: np.ndarray
    predict: Callable[[Tensor], np.ndarray]


def metric_of(name: MetricName, truth: Truth) -> Callable[[Tensor], float]:
    """Return outputs on the network's scale → the metric; it raises InputError if it is not defined on these rows."""
    metric = METRICS[name]

    def score(outputs: Tensor) -> float:
        value = metric(truth.y_true, truth.predict(outputs), truth.sample_weight)
        if value is None:
            other = METRICS_BY_TASK[truth.task][0]
            why = _why_undefined(name)
            raise InputError(f"{KEY}: {name} is not defined: {why}; take {other}, or more validation rows")
        return value

    return score


def mean_absolute_error(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
    """mean |y_pred - y_true| over rows and classes; (n_rows, n_classes)."""
    return float(np.average(np.abs(y_pred - y_true).mean(axis=1), weights=weight))


def r2(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float | None:
    """1 - squared errors / squared deviations from the mean; None if the target does not vary."""
    counted = y_true[weight > 0]
    if counted.max() == counted.min():
        return None
    deviations = y_true - np.average(y_true, weights=weight)
    return 1 - float((weight * (y_pred - y_true) ** 2).sum() / (weight * deviations**2).sum())


def accuracy(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
    """The share of rows whose most probable class is the true one, or the one with the largest true share."""
    true = y_true if y_true.ndim == 1 else y_true.argmax(axis=1)
    return float(np.average(y_pred.argmax(axis=1) == true, weights=weight))


def balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
    """The mean share of rows predicted right over the classes that have rows."""
    total = np.bincount(y_true, weight, y_pred.shape[1])
    right = np.bincount(y_true, weight * (y_pred.argmax(axis=1) == y_true), y_pred.shape[1])
    return float((right[total > 0] / total[total > 0]).mean())


def mean_of_classes(
    area: Callable[[np.ndarray, np.ndarray], float | None], y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray
) -> float | None:
    """Return an area under a curve: of the second of two classes or of pairs, else the mean of one against the rest."""
    scores = {1: y_pred} if y_pred.ndim == 1 else {k: y_pred[:, k] for k in range(y_pred.shape[1])}
    classes = [1] if len(scores) <= 2 else list(scores)
    areas = [area(*RocCounts(y_true == k, scores[k]).cumulative_counts(weight)) for k in classes]
    defined = [value for value in areas if value is not None]
    return float(np.mean(defined)) if len(defined) == len(areas) else None


def kl_divergence(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
    """mean Σ y_true log(y_true / y_pred), in nats."""
    ratio = np.where(y_true > 0, y_true, 1) / np.clip(y_pred, EPSILON, None)
    return float(np.average(np.where(y_true > 0, y_true * np.log(ratio), 0).sum(axis=1), weights=weight))


def _ranking_mean(name: MetricName) -> Metric:
    return lambda true, score, weight: RankingScorer(true, score)(weight).get(name)


METRICS: dict[MetricName, Metric] = {
    "r2": r2, "accuracy": accuracy, "top_1": accuracy, "balanced_accuracy": balanced_accuracy,
    "auc": partial(mean_of_classes, roc_auc), "average_precision": partial(mean_of_classes, average_precision),
    "kl_divergence": kl_divergence, "mae": mean_absolute_error,
    **{name: _ranking_mean(name) for name in METRICS_BY_TASK["ranking"]},
}  # fmt: skip


def _why_undefined(name: MetricName) -> str:
    match name:
        case "r2":
            return "all validation rows have the same target"
        case "auc" | "average_precision":
            return "some class has no validation row, or all of them"
        case _:
            return "no validation query has candidates that differ in relevance"
