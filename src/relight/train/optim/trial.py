"""A trial of an optimizer by its class, before the first step: what would fail in hours fails now, and is said.

It takes some steps on copies of the weights, towards random numbers, and some more. Another one that reads the
checkpoint in between must take the same ones, and others at another learning rate. The random numbers of the training
are left as they were.
"""

import copy
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from relight.data.torch_archive import load_archive
from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.loading import described, load
from relight.train.optim.checks import KEY, OTHERS
from relight.train.optim.params import OptimizerCall
from relight.train.optim.sparse import SPARSE_OTHERS
from relight.train.optim.torch_optimizer import Closure, TorchOptimizer, explain_refusal, make_torch_optimizer

N_STEPS = 2  # before the checkpoint
FASTER = 1000  # times the learning rate: rounding does not hide it
N_MORE = 3  # after it; ASGD reads a learning rate for the step after the next; odd: steps to and fro do not cancel


def try_optimizer(
    call: OptimizerCall, weights: Sequence[Tensor], *, rate_changes: bool, is_sparse: Sequence[bool]
) -> None:
    """Check that an optimizer can train weights like these, and that its checkpoint holds all that its steps depend on.

    Args:
        rate_changes: whether the learning rate will differ between steps.
        is_sparse: for each weight, whether its gradients are sparse.

    Raises:
        RelightError: if it cannot, with the file and line of the user's own code.
    """
    devices = sorted({weight.device.index for weight in weights if weight.device.type == "cuda"})
    with torch.random.fork_rng(devices):
        tried = TriedWeights(copies(weights), is_sparse)
        optimizer = make_torch_optimizer(call, tried.weights)
        with explain_refusal(call, "cannot take a step", SPARSE_OTHERS if any(is_sparse) else OTHERS):
            tried.take_steps(optimizer, range(N_STEPS))
        _assert_rate_is_kept(optimizer, call)
        start, rate = TriedWeights(copies(tried.weights), is_sparse), call.learning_rate
        saved = saved_and_loaded(optimizer)
        tried.take_steps(optimizer, range(N_STEPS, N_STEPS + N_MORE))
        continued = _continued(call, start, saved, rate)
        faster = _continued(call, start, saved, max(1.0, FASTER * rate))
    if not _same(tried.weights, continued):
        raise InputError(
            f"{KEY}: {_what(call)} must keep all that a step depends on in its state, because it takes another step "
            "after a checkpoint; keep counters and tensors in self.state or param_groups, and draw random numbers "
            "from torch"
        )
    if rate_changes and _same(tried.weights, faster):
        raise InputError(f"{KEY}: {_what(call)} {_without_rate(start.weights, faster)}")


def _without_rate(start: list[Tensor], end: list[Tensor]) -> str:
    """Return what is wrong with steps that are the same at another learning rate."""
    if _same(start, end):
        return (
            f"must change the weights in its steps, got the same ones after {N_MORE} steps; change them in place, "
            "under torch.no_grad"
        )
    return (
        "must read lr from its param_groups in each step, because train.schedule sets it there; correct it, or set "
        "train.schedule to constant"
    )


def _continued(call: OptimizerCall, start: "TriedWeights", saved: dict[str, Any], rate: float) -> list[Tensor]:
    """Return the weights after the steps of a new optimizer that has read a checkpoint."""
    tried = TriedWeights(copies(start.weights), start.is_sparse)
    optimizer = make_torch_optimizer(call, tried.weights)
    with explain_refusal(call, "cannot continue from its checkpoint"):
        optimizer.restore(copy.deepcopy(saved))  # its steps change what it has read
        optimizer.learning_rate = rate
        tried.take_steps(optimizer, range(N_STEPS, N_STEPS + N_MORE))
    return tried.weights


def copies(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return weights of the same values that learn for themselves."""
    return [weight.detach().clone().requires_grad_() for weight in weights]


class TriedWeights(NamedTuple):
    """Weights that an optimizer is tried on, each with a dense or a sparse gradient."""

    weights: list[Tensor]
    is_sparse: Sequence[bool]

    def take_steps(self, optimizer: TorchOptimizer, steps: range) -> None:
        """Take steps of a convex loss, whose minimum is drawn anew for each step."""
        for step in steps:
            torch.manual_seed(step)
            minimum = [torch.randn(weight.shape).to(weight) for weight in self.weights]
            optimizer.step(self._closure(optimizer, minimum))

    def _closure(self, optimizer: TorchOptimizer, minimum: list[Tensor]) -> Closure:
        """Return what computes the sum of sqrt(1 + distance²), whose gradients lie between -1 and 1."""

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = torch.zeros((), device=minimum[0].device)
            for weight, end, is_sparse in zip(self.weights, minimum, self.is_sparse, strict=True):
                distance = weight.detach() - end
                root = (1 + distance.square()).sqrt()
                gradient = distance / root
                weight.grad = gradient.to_sparse(1) if is_sparse else gradient
                loss = loss + root.sum()
            return loss

        return closure


def _assert_rate_is_kept(optimizer: TorchOptimizer, call: Call) -> None:
    for group, share in zip(optimizer.optimizer.param_groups, optimizer.shares, strict=True):
        if group["lr"] != optimizer.learning_rate * share:
            raise InputError(
                f"{KEY}: {_what(call)} must leave lr in its param_groups as it is, because train.schedule sets it "
                "before each step; keep a factor of its own in another place"
            )


def saved_and_loaded(optimizer: TorchOptimizer) -> dict[str, Any]:
    """Return what a checkpoint gives back; it is read without running any code.

    Raises:
        InputError: if the optimizer keeps what a checkpoint cannot hold.
    """
    buffer = io.BytesIO()
    try:
        torch.save(optimizer.save(), buffer)
        saved: dict[str, Any] = load_archive(buffer)
        return saved
    except Exception as error:  # of pickle, for each type in its own way
        kinds = ", ".join(sorted(_unsavable(optimizer.save()))) or str(error).split("\n")[0]
        raise InputError(
            f"{KEY}: {optimizer.name} must keep only tensors, numbers, texts, lists and dicts in its state, which a "
            f"checkpoint saves, got {kinds}"
        ) from error


def _unsavable(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_unsavable(part) for pair in value.items() for part in pair))
    if isinstance(value, list | tuple):
        return set().union(*(_unsavable(part) for part in value))
    return set() if type(value) in (int, float, bool, str, type(None), Tensor) else {type(value).__name__}


def _same(some: list[Tensor], others: list[Tensor]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(torch.equal(one.detach().nan_to_num(), other.detach().nan_to_num()) for one, other in pairs)


def _what(call: Call) -> str:
    return described(load(call, KEY), call)
