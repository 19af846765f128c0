"""A network of the user's own in the place of one of Relight's: made with its widths and its settings, and tried once.

It learns, is saved, predicts and is exported like any other, because the rest of the model sees a module.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.networks.categories import Categories, ConcatFeatures
from relight.own_code.calls import Call
from relight.own_code.loading import argument_names, assert_takes, described, load
from relight.runtime.tracebacks import blame_own_code

KEY = "model.name"
N_TRIED_ROWS = 2
COLUMNS_INPUT = "columns"  # of the setting `input`: numbers and codes apart


def own_table_network(
    call: Call, d_numbers: int, cat_cardinalities: list[int], d_out: int, project: Path = Path()
) -> nn.Module:
    """Return a network of table rows, made with `d_in`, `d_out` and its settings.

    It reads (n_rows, d_in) float32, the numbers and then the categories as numbers, and returns (n_rows, d_out), or
    (n_rows, n_members, d_out) of an ensemble. With the setting `input: columns` it reads the numbers (n_rows, d_in)
    and the codes (n_rows, n_categories) int64, and is made with `cat_cardinalities`, the number of codes of each.

    Raises:
        InputError: if it cannot be made so, or returns another shape.
    """
    if call.settings.get("input", "numbers") not in ("numbers", COLUMNS_INPUT):
        raise InputError(f"{KEY}.input: must be numbers or {COLUMNS_INPUT}, got {call.settings['input']}")
    codes = torch.zeros(N_TRIED_ROWS, len(cat_cardinalities), dtype=torch.int64)
    if call.settings.get("input") == COLUMNS_INPUT:
        given = {"d_in": d_numbers, "d_out": d_out, "cat_cardinalities": cat_cardinalities}
        network = _made(call, project, given)
        _try(network, call, (torch.zeros(N_TRIED_ROWS, d_numbers), codes), d_out, project)
        return network
    categories = Categories(cat_cardinalities)
    d_in = d_numbers + sum(categories.widths)
    network = _made(call, project, {"d_in": d_in, "d_out": d_out})
    _try(network, call, (torch.zeros(N_TRIED_ROWS, d_in),), d_out, project)
    return ConcatFeatures(categories, network)


class OwnStepNetwork(nn.Module):
    """A network that reads the steps of sequences, called as its contract says.

    **Shape**
        - past: (n, length, d_past) float32, zeros after the last step of a sequence
        - lengths: (n,) int64
        - future: (n, horizon, d_future) float32; only a network that is made with `d_future` reads it
        - output: (n, d_out)
    """

    def __init__(self, network: nn.Module, *, reads_future: bool) -> None:
        super().__init__()
        self.network = network
        self.reads_future = reads_future

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        out: Tensor = self.network(past, lengths, future) if self.reads_future else self.network(past, lengths)
        return out


def own_step_network(
    call: Call, d_past: int, d_future: int, d_out: int, *, length: int, horizon: int, project: Path = Path()
) -> nn.Module:
    """Return a network of sequences or of forecasts, made with `d_in`, `d_out`, `length` and its settings.

    It reads steps (n, length, d_in) and lengths (n,), and returns (n, d_out). One that takes `d_future` also reads
    what is known of the steps to forecast, (n, horizon, d_future).

    Raises:
        InputError: if it cannot be made so, or returns another shape.
    """
    given = {"d_in": d_past, "d_out": d_out, "length": length}
    target = load(call, KEY, project)
    reads_future = "d_future" in argument_names(target)
    network = _made(call, project, {**given, "d_future": d_future} if reads_future else given)
    steps = OwnStepNetwork(network, reads_future=reads_future)
    inputs = (
        torch.zeros(N_TRIED_ROWS, length, d_past),
        torch.full((N_TRIED_ROWS,), length),
        torch.zeros(N_TRIED_ROWS, horizon, d_future),
    )
    _try(steps, call, inputs, d_out, project)
    return steps


def _made(call: Call, project: Path, given: dict[str, Any]) -> nn.Module:
    target = load(call, KEY, project)
    own = Call.model_construct(**{key: value for key, value in call.model_dump().items() if key != "input"})
    assert_takes(target, own, KEY, (), given)
    with blame_own_code(project, KEY):
        network = target(**given, **own.settings)
    if not isinstance(network, nn.Module):
        raise InputError(f"{KEY}: {described(target, call)} must make a torch.nn.Module, got {type(network).__name__}")
    return network


def _try(network: nn.Module, call: Call, inputs: tuple[Tensor, ...], d_out: int, project: Path) -> None:
    """Check the outputs for some rows, without a trace in the random numbers; layers without a shape get it here.

    Raises:
        InputError: if it raises an exception, returns something else than float numbers of this shape, or cannot learn.
    """
    network.eval()
    with torch.enable_grad(), blame_own_code(project, KEY):
        outputs = network(*inputs)
    network.train()
    name = described(network.network if isinstance(network, OwnStepNetwork) else network, call)
    shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    n_rows = len(inputs[0])
    if not isinstance(shape, tuple) or len(shape) not in (2, 3) or (shape[0], shape[-1]) != (n_rows, d_out):
        raise InputError(f"{KEY}: {name} must return ({n_rows}, {d_out}) for {n_rows} rows, got {shape}")
    if not outputs.is_floating_point():
        raise InputError(f"{KEY}: {name} must return float numbers, got {outputs.dtype}")
    if not any(weight.requires_grad for weight in network.parameters()):
        raise InputError(f"{KEY}: {name} must have weights that learn, got none")
    if not outputs.requires_grad:
        raise InputError(
            f"{KEY}: {name} must compute its outputs from its weights, got none that has a gradient; compute them with "
            "torch, without detach, no_grad, item or numpy"
        )
