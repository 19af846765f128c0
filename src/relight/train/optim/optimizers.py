"""SGD, Adam and AdamW.

The optimizers are PyTorch's own update functions, called by two small dataclasses. Constructing a `torch.optim` class
imports torch._dynamo, 2 CPU seconds, more than the tutorial's whole training. The functions behind the classes do not,
and give the same bits (a test compares).
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from relight.train.optim.clipping import GradientClip, weights_by_network
from relight.train.optim.params import OptimizerCall, OptimizerParams
from relight.train.optim.torch_optimizer import TorchOptimizer, make_torch_optimizer
from relight.train.optim.trial import try_optimizer

OptimizerState = dict[str, Any]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass
class Sgd:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013).

    Attributes:
        learning_rate: of the next step; a schedule may set it.
    """

    weights: list[Tensor]
    params: OptimizerParams
    learning_rate: float
    gradient_clip: GradientClip | None = None
    values: list[Tensor] = field(init=False)
    momenta: list[Tensor | None] = field(init=False)

    def __post_init__(self) -> None:
        self.values = detached(self.weights)
        self.momenta = [None] * len(self.weights)

    def zero_grad(self) -> None:
        for weight in self.weights:
            weight.grad = None

    def clip_gradients(self) -> None:
        if self.gradient_clip:
            self.gradient_clip()

    def step(self) -> None:
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        if self.params.momentum == 0 and self.params.weight_decay == 0:
            # The same bits; for a small model the function checks its settings for longer than it computes.
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
        """Return what the next step depends on."""
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
    gradient_clip: GradientClip | None = None
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

    def clip_gradients(self) -> None:
        if self.gradient_clip:
            self.gradient_clip()

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
        """Return what the next step depends on."""
        return {"means": self.means, "squares": self.squares, "steps": self.steps}

    def restore(self, saved: OptimizerState) -> None:
        for tensors, name in ((self.means, "means"), (self.squares, "squares"), (self.steps, "steps")):
            for value, kept in zip(tensors, saved[name], strict=True):
                value.copy_(kept)


Optimizer = Sgd | Adam | TorchOptimizer


def detached(weights: list[Tensor]) -> list[Tensor]:
    """Return the weights without autograd, in the same memory, so that no step needs `torch.no_grad`."""
    return [weight.detach() for weight in weights]


def build_optimizer(
    params: OptimizerParams | OptimizerCall,
    model: nn.Module,
    gradient_clip: float | None = None,
    *,
    rate_changes: bool = False,
) -> Optimizer:
    """Return an optimizer over all weights of the model that learn.

    Args:
        gradient_clip: the largest norm of a gradient; None: no limit.
        rate_changes: whether a schedule will change the learning rate.

    Raises:
        RelightError: if a class by its name cannot train these weights.
    """
    weights: list[Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
    clip = None if gradient_clip is None else GradientClip(weights_by_network(model), gradient_clip)
    if isinstance(params, OptimizerCall):
        try_optimizer(params, weights, rate_changes=rate_changes)
        return make_torch_optimizer(params, weights, clip)
    match params.name:
        case "sgd":
            return Sgd(weights, params, params.learning_rate, clip)
        case "adam" | "adamw":
            return Adam(weights, params, params.learning_rate, clip)
