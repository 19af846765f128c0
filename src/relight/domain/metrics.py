"""Scores of predictions, in NumPy and float64: the field's names, the field's definitions."""

from typing import Protocol

import numpy as np

from relight.domain.class_metrics import ClassScorer
from relight.domain.distribution_metrics import DistributionScorer
from relight.domain.pair_metrics import PairScorer
from relight.domain.ranking_metrics import RankingScorer
from relight.domain.regression_metrics import RegressionScorer
from relight.domain.schema import Task
from relight.domain.weighing import row_weights

Scores = dict[str, float]


class Scorer(Protocol):
    """The scores of some rows under weights of the rows, (n_rows,) float64 that are not all 0.

    What does not depend on the weights is computed once: a bootstrap resample is a weight for each row.
    """

    def __call__(self, weight: np.ndarray) -> Scores: ...


def scorer_for(task: Task, target: np.ndarray, predicted: np.ndarray) -> Scorer:
    """The task's scores.

    Args:
        target: (n_rows,) numbers or class codes; for a distribution (n_rows, n_classes); for a ranking (n_rows, 2).
        predicted: (n_rows,) numbers, or (n_rows, n_classes) probabilities.
    """
    match task:
        case "regression":
            return RegressionScorer(target, predicted)
        case "binary" | "multiclass":
            return ClassScorer(target, predicted)
        case "distribution":
            return DistributionScorer(target, predicted)
        case "forecast":
            raise AssertionError("forecasts are judged by judging_forecasts")
        case "ranking":
            return RankingScorer(target, predicted)
        case "similarity":
            return PairScorer(target, predicted)


def scores_of(task: Task, target: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> Scores:
    """The task's scores; those that are not defined on these rows are left out."""
    return scorer_for(task, target, predicted)(row_weights(len(target), weight))


def headline(task: Task) -> str:
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


def headline_loss(task: Task, scores: Scores) -> float:
    """The same, where lower is better: 1 - NDCG@10 for a ranking."""
    value = scores[headline(task)]
    return 1 - value if task == "ranking" else value
