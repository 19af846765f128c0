"""A network of the user's own, tried on some rows before it is trained: what it hides would show only after hours.

A network is saved as its state_dict, and predicts rows in batches of any size: what it remembers elsewhere, draws, or
takes from the other rows of a batch would make predictions that nobody gets again.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.own_network import KEY, OwnStepNetwork
from relight.own_code.calls import Call
from relight.own_code.loading import described, load
from relight.runtime.tracebacks import blame_own_code

N_TRIED_ROWS = 8
TOLERANCE = 1e-3  # of the largest output, between a row in a batch and the same row only: float32 adds in another order


def try_own_network(
    call: Call, network: nn.Module, twin: nn.Module, inputs: tuple[Tensor, ...], project: Path = Path()
) -> None:
    """Check that a network answers each row by itself, the same each time, and from its state_dict only.

    Args:
        network: that will be trained; it is left as it was, and no random number is used up.
        twin: made as the network was, with other random numbers; it gets the weights of the network.
        inputs: that the network reads, (n_rows, ...) each, on its device.

    Raises:
        InputError: if it does not.
        RunError: if it raises an exception.
    """
    name = described(load(call, KEY, project), call)
    modes = [(part, part.training) for part in network.modules()]
    with torch.random.fork_rng(devices=[]), torch.no_grad(), blame_own_code(project, KEY):
        given = _given_to(_own_part(network.eval()), network, inputs)
        own, copy = _own_part(network), _own_part(twin.eval())
        outputs = _repeated_outputs(own, given, name)
        _assert_row_by_row(own, given, outputs, name)
        _assert_saved_whole(own, copy, given, outputs, name)
    for part, mode in modes:
        part.training = mode


def _own_part(network: nn.Module) -> nn.Module:
    """Return the part that is the user's, of a forecast: it stands behind a gate that lets nothing through at first."""
    return next((part for part in network.modules() if isinstance(part, OwnStepNetwork)), network)


def _given_to(part: nn.Module, network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return what a part of a network is given in the forward pass."""
    given: list[tuple[Tensor, ...]] = []
    hook = part.register_forward_pre_hook(lambda _, arguments: given.append(arguments))
    network(*inputs)
    hook.remove()
    return given[0]


def _repeated_outputs(network: nn.Module, inputs: tuple[Tensor, ...], name: str) -> Tensor:
    before = torch.get_rng_state()
    first: Tensor = network(*inputs)
    draws = not torch.equal(before, torch.get_rng_state())
    if draws or not _same(first, network(*inputs)):
        raise InputError(
            f"{KEY}: {name} must return the same for the same rows in eval mode, got other outputs the second time; "
            "draw random numbers only `if self.training`, as nn.Dropout does, and count no calls"
        )
    if len(first) != len(inputs[0]):
        raise InputError(
            f"{KEY}: {name} must return one row of outputs for each row, got {len(first)} for {len(inputs[0])}"
        )
    return first


def _assert_row_by_row(network: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor, name: str) -> None:
    rows = [network(*(part[row : row + 1] for part in inputs)) for row in range(len(outputs))]
    shapes = {tuple(row.shape) for row in rows}
    if shapes != {(1, *outputs.shape[1:])}:
        raise InputError(f"{KEY}: {name} must return (1, {outputs.shape[-1]}) for one row, got {shapes.pop()}")
    single = torch.cat(rows)
    largest = float(torch.maximum(single.abs(), outputs.abs()).max())
    difference = float((single - outputs).abs().max())
    if difference > TOLERANCE * largest and math.isfinite(difference):  # NaN is named in the first epoch
        raise InputError(
            f"{KEY}: {name} must answer each row by itself in eval mode, got outputs that differ by "
            f"{difference / largest:.2g} of the largest between a row only and the same row in a batch of "
            f"{len(outputs)}; compute statistics over dimension 1, or keep those of training, as nn.BatchNorm1d does"
        )


def _assert_saved_whole(
    network: nn.Module, twin: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor, name: str
) -> None:
    try:
        twin.load_state_dict(network.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"{KEY}: {name} must have the same weights each time that it is made, got others; {_first_lines(error)}"
        ) from error
    if not _same(twin(*inputs), outputs):
        raise InputError(
            f"{KEY}: {name} must keep all that it computes with in its state_dict, got other outputs from a copy with "
            "the same state_dict: the rest would not be saved; put layers into an nn.ModuleList instead of a list, and "
            "tensors into nn.Parameter or register_buffer"
        )


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _first_lines(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[1:3])
