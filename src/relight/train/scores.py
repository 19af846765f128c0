"""The score of numbers and classes that early stopping watches; the temperature that lowers that of classes.

Scores are in the target's own unit, and lower is better. They are computed in float64 by PyTorch, because NumPy takes
five times as long for a few rows, as much as the step before it.

Temperature scaling is that of Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2: logits are
divided by one number, which is fitted on the validation rows. It changes how sure a prediction is, never the order.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.data.schema import Task
from relight.metrics.roc import check_sample_weight
from relight.model.inference import ChunkedInputs, decode_outputs, predict_outputs
from relight.model.pipeline import TabularModel, Temperature
from relight.train.auto import LossName
from relight.train.monitors.metrics import Truth

ScoreFunction = Callable[[Tensor], float]
MIN_TEMPERATURE, MAX_TEMPERATURE = 1 / 20, 20.0
N_GRID_POINTS = 61
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
N_SECTION_STEPS = 40  # the last one moves the temperature by less than 1e-8 of itself
PRIOR_STD = 0.25  # standard deviation of the prior on the logarithm of the temperature


def build_validation_score(
    task: Task, loss: LossName, target_transform: nn.Module, target: Tensor, weight: Tensor | None
) -> ScoreFunction:
    """Return outputs on the network's scale → RMSE (MAE if the loss is l1), or log loss for classes.

    Args:
        target_transform: outputs → the target's own unit.
        target: in its own unit, on the CPU.
        weight: how much each row counts: the sample weights, without those of the classes.
    """
    true = target.reshape(-1).double()
    weights = None if weight is None else weight.double()

    def score_classes(outputs: Tensor) -> float:
        return log_loss(task, target_transform(outputs).cpu(), target, weight)

    def score_numbers(outputs: Tensor) -> float:
        errors = decode_outputs(task, target_transform(outputs)).cpu() - true  # float64
        if loss == "l1":
            return _weighted_mean(errors.abs(), weights)
        return math.sqrt(_weighted_mean(errors.square(), weights))

    return score_numbers if task == "regression" else score_classes


def truth_of_rows(
    task: Task, target_transform: nn.Module, target: Tensor, weight: Tensor | None, target_offset: float = 0.0
) -> Truth:
    """Return rows as a metric sees them: predictions in float32, as they are saved, and then in float64.

    Args:
        target_transform: outputs → the target's own unit.
        target: in its own unit, on the CPU.
        target_offset: is added to both.
    """
    true = target.double().numpy() if task in ("distribution", "ranking") else target.reshape(-1).numpy()
    sample_weight = check_sample_weight(len(true), None if weight is None else weight.numpy())

    def predict(outputs: Tensor) -> np.ndarray:
        return decode_outputs(task, target_transform(outputs)).double().cpu().numpy() + target_offset

    is_class = task in ("binary", "multiclass")
    values = true.astype(np.int64) if is_class else true.astype(np.float64) + target_offset
    return Truth(task, values, sample_weight, predict)


def log_loss(task: Task, logits: Tensor, target: Tensor, weight: Tensor | None) -> float:
    """Mean -log p of the true class, p averaged over members; for shares of the classes, the mean of sum -t log p.

    **Shape**
        - logits: (n_rows, d_out) or (n_rows, n_members, d_out); d_out is 1 for two classes
        - target: (n_rows, 1) of 0 and 1, (n_rows,) class codes, or (n_rows, n_classes) shares
        - weight: (n_rows,), how much each row counts
    """
    log_probabilities = _log_probabilities(task, logits.double())  # (n_rows, n_classes)
    if task == "distribution":
        losses = -(target.double() * log_probabilities).sum(dim=1)
    else:
        losses = -log_probabilities.gather(1, target.long().reshape(-1, 1)).squeeze(1)
    if weight is None:
        return losses.mean().item()
    return ((weight.double() * losses).sum() / weight.double().sum()).item()


def _log_probabilities(task: Task, logits: Tensor) -> Tensor:
    if task == "binary":
        logs = torch.cat([functional.logsigmoid(-logits), functional.logsigmoid(logits)], dim=-1)
    else:
        logs = functional.log_softmax(logits, dim=-1)
    return logs.logsumexp(dim=1) - math.log(logs.shape[1]) if logs.dim() == 3 else logs


def _weighted_mean(values: Tensor, weights: Tensor | None) -> float:
    if weights is None:
        return values.sum().item() / values.numel()  # cheaper than the mean: one operation, not two
    return ((values * weights).sum() / weights.sum()).item()


def fit_temperature(
    model: nn.Module,
    task: Task,
    inputs: tuple[Tensor, ...] | ChunkedInputs,
    target: Tensor,
    weight: Tensor | None,
) -> None:
    """Set the temperature of a model to the one that suits these rows best."""
    assert isinstance(model, TabularModel)
    assert isinstance(model.target_transform, Temperature)
    logits = predict_outputs(model, inputs)  # at temperature 1
    model.target_transform.temperature.fill_(
        best_temperature(lambda t: log_loss(task, logits.double() / t, target, weight), len(target))
    )


def best_temperature(log_loss_at: Callable[[float], float], n_rows: int) -> float:
    """Return the most probable temperature between 1/20 and 20: the best of a grid, then the golden section about it.

    The grid comes first, because the loss of averaged probabilities may have more than one valley.

    NOTE[DIFF] the paper takes the temperature of the smallest loss. For a hundred rows without a mistake that is the
    coldest one, and the first test row that is a mistake pays for it: here a normal prior on its logarithm holds it
    near 1 until there are enough rows.

    Args:
        log_loss_at: the mean over the validation rows, at a temperature.
        n_rows: the number of these rows.
    """

    def objective(log: float) -> float:
        return log_loss_at(math.exp(log)) + (log / PRIOR_STD) ** 2 / (2 * n_rows)

    start, width = math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE / MIN_TEMPERATURE) / (N_GRID_POINTS - 1)
    grid = [start + index * width for index in range(N_GRID_POINTS)]
    best = min(grid, key=objective)
    low, high = best - width, best + width
    for _ in range(N_SECTION_STEPS):
        left, right = high - GOLDEN_RATIO * (high - low), low + GOLDEN_RATIO * (high - low)
        if objective(left) <= objective(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
