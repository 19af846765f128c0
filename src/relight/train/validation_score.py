"""The score early stopping watches.

The surprise at the true class, in float64 and without a bound: what early stopping and calibration look at.

The score of a ranking that early stopping looks at.

The one number that early stopping looks at: of the answers, in the target's own unit. Lower is better.

In float64 of PyTorch: NumPy takes five times as long for a few rows, as much as the step before it.

Losses and scores of forecasts: over the steps that have a value, and over no others.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.data.groups import factorize, has_distinct_relevance
from relight.data.schema import Task
from relight.metrics.ranking import ndcg
from relight.metrics.roc import RocCounts, check_sample_weight, roc_auc
from relight.model.inference import decode_outputs
from relight.model.networks.forecaster import WindowBack
from relight.train.auto import LossName

NDCG_CUTOFF = 10
ScoreFunction = Callable[[Tensor], float]


def log_loss(task: Task, logits: Tensor, target: Tensor, weight: Tensor | None) -> float:
    """Mean -log p of the true class, p averaged over members; for shares of the classes, the mean of sum -t log p.

    **Shape**
        - logits: (n_rows, d_out) or (n_rows, n_members, d_out); d_out is 1 for two classes
        - target: (n_rows, 1) of 0 and 1, (n_rows,) class codes, or (n_rows, n_classes) shares
        - weight: (n_rows,), how much each row counts
    """
    logs = _log_probabilities(task, logits.double())  # (n_rows, n_classes)
    if task == "distribution":
        surprise = -(target.double() * logs).sum(dim=1)
    else:
        surprise = -logs.gather(1, target.long().reshape(-1, 1)).squeeze(1)
    if weight is None:
        return surprise.mean().item()
    return ((weight.double() * surprise).sum() / weight.double().sum()).item()


def _log_probabilities(task: Task, logits: Tensor) -> Tensor:
    if task == "binary":
        logs = torch.cat([functional.logsigmoid(-logits), functional.logsigmoid(logits)], dim=-1)
    else:
        logs = functional.log_softmax(logits, dim=-1)
    return logs.logsumexp(dim=1) - math.log(logs.shape[1]) if logs.dim() == 3 else logs


def one_minus_ndcg(target: Tensor) -> Callable[[Tensor], float]:
    """Scores (n_rows,) on the CPU → 1 - NDCG@10, the mean over the queries whose candidates differ in relevance.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    relevance, query = target.double().numpy().T
    query = factorize(query)
    rows = has_distinct_relevance(query, relevance)[query]
    query, relevance = factorize(query[rows]), relevance[rows]
    return lambda scores: 1 - float(ndcg(query, relevance, scores.double().numpy()[rows], NDCG_CUTOFF).mean())


def one_minus_auc(distances: Tensor, alike: Tensor, weight: Tensor | None) -> float:
    """Of the pairs of one that is alike and one that is not, the share in the wrong order; 1/2 where there are none."""
    ranked = RocCounts(alike.reshape(-1).cpu().numpy() == 1, -distances.reshape(-1).cpu().numpy().astype(np.float64))
    area = roc_auc(
        *ranked.cumulative_counts(
            check_sample_weight(len(ranked.order), None if weight is None else weight.cpu().numpy())
        )
    )
    return 0.5 if area is None else 1 - area


def build_validation_score(
    task: Task, loss: LossName, back: nn.Module, target: Tensor, weight: Tensor | None
) -> ScoreFunction:
    """Outputs on the network's scale → RMSE (MAE where the loss is l1), log loss for classes, 1 - NDCG@10, or 1 - AUC.

    Args:
        target: in its own unit, on the CPU.
        weight: how much each row counts: the sample weights, without those of the classes.
    """

    true = target.reshape(-1).double()
    weights = None if weight is None else weight.double()

    def of_classes(outputs: Tensor) -> float:
        return log_loss(task, back(outputs).cpu(), target, weight)

    def of_numbers(outputs: Tensor) -> float:
        errors = decode_outputs(task, back(outputs)).cpu() - true  # float64
        if loss == "l1":
            return _weighted_mean(errors.abs(), weights)
        return math.sqrt(_weighted_mean(errors.square(), weights))

    if task == "ranking":
        of_order = one_minus_ndcg(target)
        return lambda outputs: of_order(decode_outputs(task, back(outputs)).cpu())
    if task == "similarity":
        return lambda distances: one_minus_auc(distances, target, weight)
    return of_numbers if task == "regression" else of_classes


def _weighted_mean(values: Tensor, weights: Tensor | None) -> float:
    if weights is None:
        return values.sum().item() / values.numel()  # cheaper than the mean: one operation, not two
    return ((values * weights).sum() / weights.sum()).item()


def forecast_score(loss: LossName, back: WindowBack, target: Tensor) -> ScoreFunction:
    """Outputs on the network's scale → RMSE (mse) or MAE in the target's own unit, over all steps of the horizon.

    Args:
        target: (n_windows, horizon) in its own unit, NaN where there is none, on the CPU.
    """
    true = target.double()

    def score(outputs: Tensor) -> float:
        errors = back(outputs).double().cpu() - true
        if loss == "mse":
            return math.sqrt(errors.square().nanmean().item())
        return float(errors.abs().nanmean())

    return score
