"""SGD, Adam, AdamW, schedules.

SGD, Adam and AdamW: PyTorch's own update functions, held by two small dataclasses.

Constructing a `torch.optim` class imports torch._dynamo, 2 CPU seconds, more than the tutorial's
whole training. The functions behind the classes do not, and give the same bits (a test compares).

The learning rate of each epoch: pure functions, so that a run can go on where it was cut off.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from relight.train.params import OptimizerParams, ScheduleParams

OptimizerState = dict[str, Any]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
Schedule = Callable[[int], float]


@dataclass
class Sgd:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).

    Attributes:
        learning_rate: of the next step; a schedule may set it.
    """

    weights: list[Tensor]
    params: OptimizerParams
    learning_rate: float
    values: list[Tensor] = field(init=False)
    momenta: list[Tensor | None] = field(init=False)

    def __post_init__(self) -> None:
        self.values = detached(self.weights)
        self.momenta = [None] * len(self.weights)

    def zero_grad(self) -> None:
        for weight in self.weights:
            weight.grad = None

    def step(self) -> None:
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        if self.params.momentum == 0 and self.params.weight_decay == 0:
            # The same bits; for a small model the function looks at its settings for longer than it computes.
            torch._foreach_add_(self.values, gradients, alpha=-self.learning_rate)
            return
        sgd(
            self.values,
            gradients,
            self.momenta,
            lr=self.learning_rate,
            weight_decay=self.params.weight_decay,
            momentum=self.params.momentum,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )

    def save(self) -> OptimizerState:
        """What the next step depends on."""
        return {"momenta": self.momenta}

    def restore(self, saved: OptimizerState) -> None:
        pairs = zip(saved["momenta"], self.weights, strict=True)
        self.momenta = [None if momentum is None else momentum.to(weight.device) for momentum, weight in pairs]


@dataclass
class Adam:
    """Adam (Kingma and Ba 2015), or AdamW with decoupled weight decay (Loshchilov and Hutter 2019).

    Attributes:
        learning_rate: of the next step; a schedule may set it.
    """

    weights: list[Tensor]
    params: OptimizerParams
    learning_rate: float
    values: list[Tensor] = field(init=False)
    means: list[Tensor] = field(init=False)
    squares: list[Tensor] = field(init=False)
    steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.values = detached(self.weights)
        self.means = [torch.zeros_like(weight) for weight in self.weights]
        self.squares = [torch.zeros_like(weight) for weight in self.weights]
        self.steps = [torch.zeros((), device=weight.device) for weight in self.weights]

    def zero_grad(self) -> None:
        for weight in self.weights:
            weight.grad = None

    def step(self) -> None:
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        update = adamw if self.params.name == "adamw" else adam
        update(
            self.values,
            gradients,
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            amsgrad=False,
            beta1=BETA1,
            beta2=BETA2,
            lr=self.learning_rate,
            weight_decay=self.params.weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def save(self) -> OptimizerState:
        """What the next step depends on."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def restore(self, saved: OptimizerState) -> None:
        for tensors, name in ((self.means, "means"), (self.squares, "squares"), (self.steps, "steps")):
            for value, kept in zip(tensors, saved[name], strict=True):
                value.copy_(kept)


Optimizer = Sgd | Adam


def detached(weights: list[Tensor]) -> list[Tensor]:
    """The same memory, where a step need not say each time that it is nothing to learn from."""
    return [weight.detach() for weight in weights]


def build_optimizer(params: OptimizerParams, model: nn.Module) -> Optimizer:
    """An optimizer over all weights of the model that learn."""
    weights: list[Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
    match params.name:
        case "sgd":
            return Sgd(weights, params, params.learning_rate)
        case "adam" | "adamw":
            return Adam(weights, params, params.learning_rate)


def build_schedule(params: ScheduleParams, *, peak: float, epochs: int) -> Schedule:
    """Epoch, counted from 0 → its learning rate.

    The first `warmup` epochs rise in even steps and stay below the peak; then the rate stays there, or falls as half
    a cosine that would reach 0 after the last epoch (Loshchilov and Hutter 2017, "SGDR", without restarts).
    """

    def rate(epoch: int) -> float:
        if epoch < params.warmup:
            return peak * (epoch + 1) / (params.warmup + 1)
        match params.name:
            case "constant":
                return peak
            case "cosine":
                passed = (epoch - params.warmup) / max(1, epochs - params.warmup)
                return peak * (1 + math.cos(math.pi * passed)) / 2

    return rate
