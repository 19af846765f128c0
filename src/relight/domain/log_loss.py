"""The surprise at the true class, in float64 and without a bound: what early stopping and calibration look at."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from relight.domain.schema import Task


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
