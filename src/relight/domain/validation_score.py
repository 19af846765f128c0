"""The one number that early stopping looks at: of the answers, in the target's own unit. Lower is better."""

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from relight.domain.answers import answers
from relight.domain.compatibility import LossName
from relight.domain.log_loss import log_loss
from relight.domain.schema import Task

Score = Callable[[Tensor], float]


def validation_score(task: Task, loss: LossName, back: nn.Module, target: Tensor, weight: Tensor | None) -> Score:
    """Outputs on the network's scale → RMSE (MAE where the loss is l1), or log loss for classes.

    Args:
        target: in its own unit, on the CPU.
        weight: how much each row counts: the sample weights, without those of the classes.
    """

    def of_classes(outputs: Tensor) -> float:
        return log_loss(task, back(outputs).cpu(), target, weight)

    def of_numbers(outputs: Tensor) -> float:
        said = answers(task, back(outputs).cpu()).astype(np.float64)
        errors = np.abs(said - target.squeeze(1).numpy())
        weights = None if weight is None else weight.numpy().astype(np.float64)
        if loss == "l1":
            return float(np.average(errors, weights=weights))
        return float(np.sqrt(np.average(errors**2, weights=weights)))

    return of_numbers if task == "regression" else of_classes
