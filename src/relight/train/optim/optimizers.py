"""SGD, Adam and AdamW.

The optimizers are PyTorch's own update functions, called by two small dataclasses. Constructing a `torch.optim` class
imports torch._dynamo, 2 CPU seconds, more than the tutorial's whole training. The functions behind the classes do not,
and give the same bits (a test compares).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from relight.model.pipeline import DeepEnsemble
from relight.train.optim.checks import assert_closure_fits
from relight.train.optim.clipping import GradientClip, weights_by_network
from relight.train.optim.params import OptimizerCall, OptimizerParams
from relight.train.optim.sparse import assert_gradients_fit
from relight.train.optim.torch_optimizer import Closure, TorchOptimizer, make_torch_optimizer
from relight.train.optim.trial import try_optimizer

OptimizerState = dict[str, Any]
Item = TypeVar("Item")
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass
class WeightUpdate:
    """The weights that an update function changes in place, and their gradients.

    Attributes:
        learning_rate: of the next step; a schedule may set it.
        values: the weights without autograd, in the same memory, so that no step needs `torch.no_grad`.
    """

    weights: list[Tensor]
    params: OptimizerParams
    learning_rate: float
    gradient_clip: GradientClip | None = None
    values: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.values = [weight.detach() for weight in self.weights]

    def zero_grad(self) -> None:
        for weight in self.weights:
            weight.grad = None

    def clip_gradients(self) -> None:
        if self.gradient_clip:
            self.gradient_clip()

    def step(self, closure: Closure) -> Tensor:
        """Change the weights by the gradients that the closure computes; return its loss."""
        loss = closure()
        gradients = [weight.grad for weight in self.weights if weight.grad is not None]
        reached: Sequence[int] = range(len(self.weights))
        if len(gradients) < len(reached):  # as the classes of PyTorch: a weight that no output depends on stays
            reached = [index for index in reached if self.weights[index].grad is not None]
        self.update(gradients, reached)
        return loss

    def update(self, gradients: list[Tensor], reached: Sequence[int]) -> None:
        """Change the weights.

        Args:
            reached: the indices of the weights that the gradients belong to.
        """
        raise NotImplementedError


@dataclass
class Sgd(WeightUpdate):
    """Stochastic gradient descent with momentum (Sutskever et al. 2013)."""

    momenta: list[Tensor | None] = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.momenta = [None] * len(self.weights)

    def update(self, gradients: list[Tensor], reached: Sequence[int]) -> None:
        values = picked(self.values, reached)
        if self.params.momentum == 0 and self.params.weight_decay == 0:
            # The same bits; for a small model the function checks its settings for longer than it computes.
            torch._foreach_add_(values, gradients, alpha=-self.learning_rate)
            return
        momenta = picked(self.momenta, reached)
        sgd(
            values,
            gradients,
            momenta,
            lr=self.learning_rate,
            weight_decay=self.params.weight_decay,
            momentum=self.params.momentum,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        for index, momentum in zip(reached, momenta, strict=True):
            self.momenta[index] = momentum

    def save(self) -> OptimizerState:
        """Return what the next step depends on."""
        return {"momenta": self.momenta}

    def restore(self, saved: OptimizerState) -> None:
        pairs = zip(saved["momenta"], self.weights, strict=True)
        self.momenta = [None if momentum is None else momentum.to(weight.device) for momentum, weight in pairs]


@dataclass
class Adam(WeightUpdate):
    """Adam (Kingma and Ba 2015), or AdamW with decoupled weight decay (Loshchilov and Hutter 2019)."""

    means: list[Tensor] = field(init=False)
    squares: list[Tensor] = field(init=False)
    steps: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.means = [torch.zeros_like(weight) for weight in self.weights]
        self.squares = [torch.zeros_like(weight) for weight in self.weights]
        self.steps = [torch.zeros((), device=weight.device) for weight in self.weights]

    def update(self, gradients: list[Tensor], reached: Sequence[int]) -> None:
        function = adamw if self.params.name == "adamw" else adam
        function(
            picked(self.values, reached),
            gradients,
            picked(self.means, reached),
            picked(self.squares, reached),
            [],
            picked(self.steps, reached),
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


def picked(items: list[Item], reached: Sequence[int]) -> list[Item]:
    """Return the items of the reached weights; the list itself if that is all of them."""
    return items if len(items) == len(reached) else [items[index] for index in reached]


Optimizer = Sgd | Adam | TorchOptimizer


def build_optimizer(
    params: OptimizerParams | OptimizerCall,
    model: nn.Module,
    gradient_clip: float | None = None,
    *,
    rate_changes: bool = False,
    sparse: Sequence[str] = (),
    processes: int = 1,
) -> Optimizer:
    """Return an optimizer over all weights of the model that learn.

    Args:
        gradient_clip: the largest norm of a gradient; None: no limit.
        rate_changes: whether a schedule will change the learning rate.
        sparse: the names of the weights whose gradients are sparse.
        processes: that train the model together.

    Raises:
        RelightError: if it cannot train these weights so.
    """
    named = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    weights: list[Tensor] = list(named.values())
    assert_gradients_fit(params, list(named), sparse, gradient_clip=gradient_clip, processes=processes)
    clip = None if gradient_clip is None else GradientClip(weights_by_network(model), gradient_clip)
    if isinstance(params, OptimizerCall):
        try_optimizer(params, weights, rate_changes=rate_changes, is_sparse=[name in sparse for name in named])
        made = make_torch_optimizer(params, weights, clip)
        if made.calls_closure:
            n_networks = len(model.networks) if isinstance(model, DeepEnsemble) else 1
            assert_closure_fits(params, n_networks=n_networks, gradient_clip=gradient_clip, processes=processes)
        return made
    match params.name:
        case "sgd":
            return Sgd(weights, params, params.learning_rate, clip)
        case "adam" | "adamw":
            return Adam(weights, params, params.learning_rate, clip)
