"""The one number that early stopping looks at: of the answers, in the target's own unit. Lower is better.

In float64 of PyTorch: NumPy takes five times as long for a few rows, as much as the step before it.
"""

import math
from collections.abc import Callable

from torch import Tensor, nn

from relight.domain.answers import answer_tensor
from relight.domain.compatibility import LossName
from relight.domain.log_loss import log_loss
from relight.domain.order_score import order_score
from relight.domain.schema import Task
from relight.domain.similarity import one_minus_auc

Score = Callable[[Tensor], float]


def validation_score(task: Task, loss: LossName, back: nn.Module, target: Tensor, weight: Tensor | None) -> Score:
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
        errors = answer_tensor(task, back(outputs)).cpu() - true  # float64
        if loss == "l1":
            return _mean(errors.abs(), weights)
        return math.sqrt(_mean(errors.square(), weights))

    if task == "ranking":
        of_order = order_score(target)
        return lambda outputs: of_order(answer_tensor(task, back(outputs)).cpu())
    if task == "similarity":
        return lambda distances: one_minus_auc(distances, target, weight)
    return of_numbers if task == "regression" else of_classes


def _mean(values: Tensor, weights: Tensor | None) -> float:
    if weights is None:
        return values.sum().item() / values.numel()  # cheaper than the mean: one operation, not two
    return ((values * weights).sum() / weights.sum()).item()
