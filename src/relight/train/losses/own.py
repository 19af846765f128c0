"""A loss of the user's own in the place of one of Relight's: made with its settings, and tried once on some rows.

It is called `(outputs, targets, sample_weight) → scalar`, and is a pure function: the same rows, the same loss.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relight.errors import InputError, RunError
from relight.model.inference import predict_outputs
from relight.model.rows import Rows, StoredRows
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, call_with, described, load
from relight.own_code.project import TORCH_MODULES
from relight.runtime.tracebacks import blame_own_code
from relight.train.losses.broadcasting import RefuseRowPairs, RowPairsError
from relight.train.losses.losses import weighted_mean

KEY = "train.loss"
N_TRIED_ROWS = 8
MAX_DEVIATION = 1e-3  # of the mean of two halves from the whole: float32 rounds, and a sum is twice the mean
OwnFunction = Callable[[Tensor, Tensor, Tensor], Any]


@dataclass(frozen=True)
class OwnLoss:
    """A loss of the user's own, as the loop calls it.

    Each member of outputs (n_rows, n_members, d_out) gets a call of its own, and the mean of these is the loss. Outputs
    come in float32, and weights as ones if all rows count the same.

    Attributes:
        name: with its file and line, for messages.
    """

    function: OwnFunction
    name: str
    project: Path = Path()

    def __call__(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss, ().

        Raises:
            RunError: if it raises an exception, or is no scalar tensor with a gradient.
        """
        weight = torch.ones(len(outputs), device=outputs.device) if weights is None else weights
        members = outputs.float().unbind(1) if outputs.dim() == 3 else (outputs.float(),)
        with blame_own_code(self.project, KEY):
            losses = [self.function(member, targets, weight) for member in members]
        for loss in losses:
            self._assert_scalar(loss)
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean()

    def _assert_scalar(self, loss: Any) -> None:
        if not isinstance(loss, Tensor) or loss.dim() != 0:
            is_tensor = isinstance(loss, Tensor)
            got = tuple(loss.shape) if is_tensor else f"{type(loss).__name__} {loss!r:.40}"
            hint = "take the mean over the rows" if is_tensor else "return the tensor, without float, item or numpy"
            raise RunError(f"{KEY}: {self.name} must return a scalar tensor, (), got {got}; {hint}")
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise RunError(
                f"{KEY}: {self.name} must have a gradient with respect to outputs, got none; compute every result from "
                "outputs with torch, without detach, item or numpy"
            )


def own_loss(call: Call, device: torch.device, project: Path = Path()) -> OwnLoss:
    """Return a loss of the user's own; or the mean of one of torch.nn, whose classes know no weights of rows.

    Raises:
        InputError: if it is not there, does not take these arguments, or has weights that no optimizer would change.
    """
    target = load(call, KEY, project)
    if call.module in TORCH_MODULES:
        return OwnLoss(_of_torch(target, call), str(call), project)
    function = as_function(target, call, KEY, "outputs", "targets", "sample_weight")
    name = described(target, call)
    if isinstance(function, nn.Module):
        if any(True for _ in function.parameters()):
            raise InputError(
                f"{KEY}: {name} must have no weights that learn, because the optimizer has only the model's"
            )
        function.to(device)
    return OwnLoss(function, name, project)


def _of_torch(target: Any, call: Call) -> OwnFunction:
    if not call.name.endswith("Loss"):
        raise InputError(f"{KEY}: must be a loss of torch.nn, as torch.nn:HuberLoss, got {call}")
    made = call_with(target, call, KEY, reduction="none")

    def mean_loss(outputs: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
        try:
            return weighted_mean(made(outputs, targets), weight)
        except (TypeError, ValueError, RuntimeError) as error:
            shapes = f"outputs {tuple(outputs.shape)} and targets {tuple(targets.shape)} of {targets.dtype}"
            raise InputError(f"{KEY}: {call} must take {shapes}, got {str(error).splitlines()[0]}") from error

    return mean_loss


def tried_loss(
    call: Call, model: nn.Module, rows: Rows | StoredRows, *, processes: int, project: Path = Path()
) -> OwnLoss:
    """Return a loss of the user's own, tried on the outputs of a model for some rows; no random number is used up.

    Args:
        rows: preprocessed, on the device of the model.
        processes: that add up their gradients.

    Raises:
        InputError: if the loss breaks the contract.
        RunError: if it raises an exception, or is no scalar tensor with a gradient.
    """
    loss, few = own_loss(call, rows.target.device, project), _without_gaps(rows.first(N_TRIED_ROWS))
    with torch.random.fork_rng(_random_devices(few)):
        outputs = predict_outputs(model, few.inputs)
    try_loss(loss, outputs, few.target, few.weight)
    if processes > 1:
        assert_is_mean(loss, outputs, few.target, few.weight)
    return loss


def _without_gaps(rows: Rows) -> Rows:
    """Return rows whose targets are numbers: those of a forecast may have gaps."""
    return rows._replace(target=rows.target.nan_to_num()) if rows.target.is_floating_point() else rows


def _random_devices(rows: Rows) -> list[torch.device]:
    return [rows.device] if rows.device.type == "cuda" else []


def try_loss(loss: OwnLoss, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
    """Check what a loss makes of some rows.

    Args:
        outputs: of the model for these rows, (n_rows, ...) float32.

    Raises:
        InputError: if it does not depend on the outputs, changes its arguments, or is another one the second time.
        RunError: if it raises an exception, or is no scalar tensor with a gradient.
    """
    first, leaf = _called(loss, Rows((outputs,), targets, weights))
    with blame_own_code(loss.project, KEY):
        (slope,) = torch.autograd.grad(first, leaf, allow_unused=True)
    if slope is None:
        raise InputError(f"{KEY}: {loss.name} must depend on outputs, got a result that does not")
    try:
        with RefuseRowPairs():
            second, _ = _called(loss, Rows((outputs,), targets, weights))
    except RowPairsError as error:
        raise InputError(f"{KEY}: {loss.name} {error}") from error
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise InputError(
            f"{KEY}: {loss.name} must return the same for the same rows, got {first.item():g}, then {second.item():g}: "
            "a training that was stopped could not go on; draw random numbers with torch, and count no calls"
        )


def _called(loss: OwnLoss, rows: Rows) -> tuple[Tensor, Tensor]:
    """Return the loss of copies, and the copy of the outputs, for the gradient; no random number is used up."""
    leaf = rows.inputs[0].detach().clone().requires_grad_()
    weight = torch.ones(len(leaf), device=leaf.device) if rows.weight is None else rows.weight.clone()
    given = leaf * 1, rows.target.clone(), weight
    before = [part.detach().clone() for part in given]
    with torch.random.fork_rng(_random_devices(rows)), warnings.catch_warnings():
        warnings.filterwarnings("error", "Using a target size")  # (n, 1) against (n,): it would train on noise
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")  # said as an error of the result
        value = loss(*given)
    if not all(torch.equal(part.detach(), old) for part, old in zip(given, before, strict=True)):
        raise InputError(
            f"{KEY}: {loss.name} must leave its arguments as they are, got other numbers in them; copy them"
        )
    return value, leaf


def assert_is_mean(loss: OwnLoss, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
    """Check that the loss of some rows is the mean of the losses of their halves: so processes join their gradients.

    Raises:
        InputError: if it is not.
    """
    weight = torch.ones(len(outputs), device=outputs.device) if weights is None else weights
    middle = len(outputs) // 2
    halves = [half for half in (slice(None, middle), slice(middle, None)) if weight[half].sum() > 0]
    with torch.no_grad():
        whole = loss(outputs, targets, weight).item()
        parts = [loss(outputs[half], targets[half], weight[half]).item() for half in halves]
    shares = [(weight[half].sum() / weight.sum()).item() for half in halves]
    mean = sum(share * part for share, part in zip(shares, parts, strict=True))
    if abs(whole - mean) > MAX_DEVIATION * max(abs(number) for number in (whole, mean, *parts)):
        raise InputError(
            f"{KEY}: {loss.name} must be a mean over the rows, weighted by sample_weight, with several processes, got "
            f"{whole:.6g} for {len(outputs)} rows, and {mean:.6g} as the mean of their halves; train in one process"
        )


def assert_skips_gaps(loss: OwnLoss, horizon: int, device: torch.device) -> None:
    """Check that targets which are predicted exactly cost nothing: so the gaps of a series are left out.

    Raises:
        InputError: if they cost something.
    """
    zeros = torch.zeros(2, horizon, device=device)
    with torch.no_grad():
        cost = loss(zeros, zeros).item()
    if cost != 0:
        raise InputError(
            f"{KEY}: {loss.name} must be 0 where outputs and targets are equal, because targets are missing, got "
            f"{cost:g}; fill the gaps of the target in the source"
        )
