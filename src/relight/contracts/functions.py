"""The contracts of losses, metrics and schedules, tried on numbers drawn here."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from relight.contracts.facts import Fact, try_facts
from relight.metrics.own import OwnMetric, load_metric
from relight.own_code.calls import Call
from relight.train.losses.own import OwnLoss, own_loss
from relight.train.optim.own_schedule import load_schedule

N_ROWS, N_CLASSES, N_STEPS = 12, 3, 10
TOLERANCE = 1e-6

Schedule = Callable[[int, int], Any]


class LossTrial(NamedTuple):
    """A loss, and outputs and targets that it takes."""

    loss: OwnLoss
    outputs: Tensor
    targets: Tensor

    def value(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the outputs, at which the gradient arrives."""
        leaf = self.outputs.clone().requires_grad_()
        return self.loss(leaf, self.targets.clone(), weight), leaf

    def row_gradients(self, weight: Tensor) -> Tensor:
        """Return the absolute gradient of each row, (n,)."""
        value, leaf = self.value(weight)
        value.backward()  # type: ignore[no-untyped-call]
        return torch.zeros(N_ROWS) if leaf.grad is None else leaf.grad.abs().sum(dim=1)


def loss_facts(call: Call, root: Path = Path()) -> list[Fact]:
    """Return the facts of a loss: (outputs, targets, sample_weight) → a scalar tensor.

    It is tried with numbers, (n, 1), and if it does not take them, with class codes, (n,) int64, and with shares of
    classes, (n, n_classes).
    """
    loss = own_loss(call, torch.device("cpu"), root)
    trial = LossTrial(loss, *_taken(lambda *form: _loss_suits(LossTrial(loss, *form)), _loss_forms()))
    checks = {
        "it returns one finite number": lambda: _loss_is_finite(trial),
        "the gradient reaches the outputs": lambda: _loss_has_gradient(trial),
        "rows count by their weight": lambda: _loss_weighs(trial),
        "the same rows give the same bits": lambda: _loss_repeats(trial),
    }
    return try_facts(checks, root)


def _loss_suits(trial: LossTrial) -> bool:
    """Return whether the loss takes the inputs and learns from them: some take others without learning anything."""
    return not (_loss_is_finite(trial) or _loss_has_gradient(trial))


def _loss_is_finite(trial: LossTrial) -> str:
    value = trial.value(torch.ones(N_ROWS))[0]
    return "" if bool(value.isfinite()) else f"it returns {float(value.detach())}"


def _loss_has_gradient(trial: LossTrial) -> str:
    rows = trial.row_gradients(torch.ones(N_ROWS))
    return "" if bool(rows.any()) and bool(rows.isfinite().all()) else "no row of the outputs gets a finite one"


def _loss_weighs(trial: LossTrial) -> str:
    weight = torch.ones(N_ROWS)
    weight[0] = 0
    counts = bool(trial.row_gradients(weight)[0])
    return "a row of weight 0 still counts; multiply the loss of each row by sample_weight" if counts else ""


def _loss_repeats(trial: LossTrial) -> str:
    one, other = (float(trial.value(torch.ones(N_ROWS))[0].detach()) for _ in range(2))
    return "" if one == other else "two calls differ; draw no random numbers"


def _loss_forms() -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    classes = torch.randn(N_ROWS, N_CLASSES, generator=draw)
    codes = torch.randint(0, N_CLASSES, (N_ROWS,), generator=draw)
    shares = torch.rand(N_ROWS, N_CLASSES, generator=draw).softmax(dim=1)
    numbers = torch.randn(N_ROWS, 1, generator=draw), torch.randint(0, 2, (N_ROWS, 1), generator=draw).float()
    return [numbers, (classes, codes), (classes, shares)]


def _taken(suits: Callable[..., bool], forms: list[Any]) -> Any:
    """Return the first inputs that suit a function; if none does, the first ones."""
    for one, other in forms:
        try:
            if suits(one, other):
                return one, other
        except Exception:  # whatever it raises, the next form may suit it
            continue
    return forms[0]


class MetricTrial(NamedTuple):
    """A metric, and true values and predictions that it takes."""

    metric: OwnMetric
    true: np.ndarray
    predicted: np.ndarray

    def value(self, rows: np.ndarray, weight: np.ndarray) -> float:
        """Return the metric of some rows."""
        return self.metric(self.true[rows], self.predicted[rows], weight)


ROWS, ONES = np.arange(N_ROWS), np.ones(N_ROWS)


def metric_facts(call: Call, root: Path = Path()) -> list[Fact]:
    """Return the facts of a metric: (y_true, y_pred, sample_weight) → float.

    It is tried with numbers, (n,), and if it does not take them, with class codes and probabilities, (n, n_classes).
    """
    metric = load_metric(call, name=call.name, better="higher", key="evaluate.metrics", root=root)
    trial = MetricTrial(metric, *_taken(lambda *form: _metric_suits(MetricTrial(metric, *form)), _metric_forms()))
    checks = {
        "it returns one finite number": lambda: _metric_is_finite(trial),
        "the order of the rows does not matter": lambda: _metric_ignores_order(trial),
        "rows count by their weight": lambda: _metric_weighs(trial),
    }
    return try_facts(checks, root)


def _metric_suits(trial: MetricTrial) -> bool:
    return not _metric_is_finite(trial)


def _metric_is_finite(trial: MetricTrial) -> str:
    value = trial.value(ROWS, ONES)
    return "" if math.isfinite(value) else f"it returns {value}"


def _metric_ignores_order(trial: MetricTrial) -> str:
    return _difference(trial.value(ROWS, ONES), trial.value(ROWS[::-1], ONES), "rows and the same rows reversed")


def _metric_weighs(trial: MetricTrial) -> str:
    """A resample of the intervals is a weight for each row, so that a weight of 2 must be the row twice."""
    weighted = trial.value(ROWS, np.r_[2.0, ONES[1:]])
    return _difference(weighted, trial.value(np.r_[ROWS, 0], np.r_[ONES, 1.0]), "a row of weight 2 and that row twice")


def _metric_forms() -> list[tuple[np.ndarray, np.ndarray]]:
    draw = np.random.default_rng(0)
    true = draw.uniform(1, 3, N_ROWS)
    shares = draw.dirichlet(np.ones(N_CLASSES), N_ROWS)
    return [
        (true, true + draw.normal(0, 0.2, N_ROWS)),
        (draw.integers(0, N_CLASSES, N_ROWS).astype(np.float64), shares),
        (draw.integers(0, 2, N_ROWS).astype(np.float64), shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)),
        (draw.dirichlet(np.ones(N_CLASSES), N_ROWS), shares),
    ]


def _difference(one: float, other: float, what: str) -> str:
    if abs(one - other) <= TOLERANCE * max(1.0, abs(one)):
        return ""
    return f"{what} give {one:.6g} and {other:.6g}"


def schedule_facts(call: Call, root: Path = Path()) -> list[Fact]:
    """Return the facts of a schedule: (step, n_steps) → the factor of the learning rate, step from 0."""
    schedule = load_schedule(call, root)
    checks = {
        "each factor is a finite number of at least 0": lambda: _wrong_factor(schedule, N_STEPS),
        "a training of one step has a factor": lambda: _wrong_factor(schedule, 1),
        "the factor depends on the step only": lambda: _memory(schedule),
        "some factor is larger than 0": lambda: _all_zero(schedule),
    }
    return try_facts(checks, root)


def _wrong_factor(schedule: Schedule, n_steps: int) -> str:
    for step in range(n_steps):
        value = schedule(step, n_steps)
        if not _is_factor(value):
            return f"at step {step} of {n_steps} it returns {value!r:.40}; return a number of at least 0"
    return ""


def _memory(schedule: Schedule) -> str:
    forwards = [schedule(step, N_STEPS) for step in range(N_STEPS)]
    backwards = [schedule(step, N_STEPS) for step in reversed(range(N_STEPS))]
    return "" if forwards == backwards[::-1] else "it remembers earlier calls; compute it from step and n_steps only"


def _all_zero(schedule: Schedule) -> str:
    return "" if any(schedule(step, N_STEPS) for step in range(N_STEPS)) else "it is 0 at every step"


def _is_factor(value: Any) -> bool:
    is_number = isinstance(value, float | int | np.number) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0
