"""The contract of a network: what training, checkpoints, prediction and export need, tried on numbers drawn here."""

import copy
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from relight.contracts.exporting import onnx_problem, pt2_problem
from relight.contracts.facts import Fact, try_facts
from relight.data.torch_archive import load_archive
from relight.errors import RelightError
from relight.model.own_network import own_step_network, own_table_network
from relight.own_code.calls import Call
from relight.own_code.loading import argument_names, load

D_NUMBERS, CARDINALITY, LENGTH, HORIZON, D_FUTURE = 6, 4, 12, 5, 2
OUTPUT_WIDTHS = (1, 3)  # a number, and three classes
N_ROWS, N_STEPS = 8, 4
TOLERANCE = 1e-4  # of the largest output, between a row alone and the same row in a batch
KEY = "model.name: "

Inputs = tuple[Tensor, ...]


class Trial(NamedTuple):
    """A network of own code, made again and again.

    Attributes:
        build: takes d_out; weights are drawn from torch's generator.
        inputs: takes a number of rows, and returns what the network reads.
    """

    build: Callable[[int], nn.Module]
    inputs: Callable[[int], Inputs]


def network_facts(call: Call, root: Path = Path()) -> list[Fact]:
    """Return the facts of the contract of a network, each tried.

    If the network cannot be made, that is the only one. The random numbers of torch are as before afterwards.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        trial = _trial(call, root)
        made = try_facts({_made_name(width): partial(_made, trial, width) for width in OUTPUT_WIDTHS}, root)
        if any(fact.problem for fact in made):
            return made
        checks = {
            "one row gets the answer that it gets in a batch": lambda: _one_row(trial),
            "a batch of two rows trains": lambda: _batch_of_two(trial),
            "gradients reach every parameter": lambda: _gradients(trial),
            "a state_dict makes another copy answer the same": lambda: _round_trip(trial),
            "the same seed gives the same bits": lambda: _same_bits(trial),
            "a training that is resumed in mid-epoch ends with the same bits": lambda: _resume(trial),
            "pt2 export answers the same": lambda: pt2_problem(_seeded(trial), trial.inputs),
            "ONNX export answers the same": lambda: onnx_problem(_seeded(trial), trial.inputs),
        }
        return [*made, *try_facts(checks, root)]


def _made_name(width: int) -> str:
    return f"made with d_out={width}, it returns (n_rows, {width})"


def _trial(call: Call, root: Path) -> Trial:
    """Return how to make the network: one that takes `length` reads steps, any other reads the rows of a table."""

    def reads_steps() -> bool:
        return "length" in argument_names(load(call, "model.name", root))

    def build(d_out: int) -> nn.Module:
        if reads_steps():
            return own_step_network(call, D_NUMBERS, D_FUTURE, d_out, length=LENGTH, horizon=HORIZON, project=root)
        return own_table_network(call, D_NUMBERS, [CARDINALITY], d_out, root)

    def inputs(n_rows: int) -> Inputs:
        draw = torch.Generator().manual_seed(n_rows)
        if reads_steps():
            past = torch.randn(n_rows, LENGTH, D_NUMBERS, generator=draw)
            lengths = torch.randint(1, LENGTH + 1, (n_rows,), generator=draw)
            past[torch.arange(LENGTH).expand(n_rows, -1) >= lengths.unsqueeze(1)] = 0
            return past, lengths, torch.randn(n_rows, HORIZON, D_FUTURE, generator=draw)
        codes = torch.randint(0, CARDINALITY, (n_rows, 1), generator=draw)
        return torch.randn(n_rows, D_NUMBERS, generator=draw), codes

    return Trial(build, inputs)


def _seeded(trial: Trial, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return trial.build(OUTPUT_WIDTHS[-1])


def _made(trial: Trial, width: int) -> str:
    try:
        network = trial.build(width).eval()
    except RelightError as error:
        return "; ".join(problem.removeprefix(KEY) for problem in error.problems)
    shape = tuple(network(*trial.inputs(N_ROWS)).shape)
    fits = shape[0] == N_ROWS and shape[-1] == width and len(shape) in (2, 3)
    return "" if fits else f"for {N_ROWS} rows it returns {shape}; return one row of outputs for each row of inputs"


def _one_row(trial: Trial) -> str:
    network, batch = _seeded(trial).eval(), trial.inputs(N_ROWS)
    with torch.no_grad():
        whole = network(*batch)
        alone = torch.cat([network(*(part[row : row + 1] for part in batch)) for row in range(N_ROWS)])
    if alone.shape != whole.shape:
        return f"one row at a time it returns {tuple(alone.shape)}, in a batch {tuple(whole.shape)}"
    difference = float((alone - whole).abs().max() / whole.abs().max().clamp(min=1e-6))
    if difference <= TOLERANCE:
        return ""
    return f"the answers differ by {difference:.2g} of the largest; in eval mode a row must not depend on the others"


def _batch_of_two(trial: Trial) -> str:
    network = _seeded(trial).train()
    loss = _loss(network, trial.inputs(2))
    loss.backward()  # type: ignore[no-untyped-call]
    return "" if bool(loss.isfinite()) else f"the loss of two rows is {float(loss.detach())}"


def _loss(network: nn.Module, inputs: Inputs) -> Tensor:
    """Return the mean of the outputs' squared distances from targets that are drawn, but the same for each call."""
    outputs: Tensor = network(*inputs)
    target = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(7))
    return (outputs - target).square().mean()


def _gradients(trial: Trial) -> str:
    """A gradient may be 0 at first, behind weights that begin at 0: all steps must be without one."""
    network = _seeded(trial).train()
    reached: set[str] = set()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(N_STEPS):
        optimizer.zero_grad()
        _loss(network, trial.inputs(N_ROWS + step)).backward()  # type: ignore[no-untyped-call]
        grads = {name: weight.grad for name, weight in network.named_parameters()}
        reached |= {name for name, grad in grads.items() if grad is not None and bool(grad.any())}
        optimizer.step()
    learning = [name for name, weight in network.named_parameters() if weight.requires_grad]
    missed = [_own_name(name) for name in learning if name not in reached]
    if not missed:
        return ""
    return f"{', '.join(missed)} got none in {N_STEPS} steps; use it in forward, or make it a buffer"


def _round_trip(trial: Trial) -> str:
    network, other = _seeded(trial), _seeded(trial, seed=1)
    _train(network, trial, range(N_STEPS))
    other.load_state_dict(_saved(network))
    with torch.no_grad():
        one, two = (module.eval()(*trial.inputs(N_ROWS)) for module in (network, other))
    return "" if torch.equal(one, two) else "the copy answers otherwise; keep all state in parameters and buffers"


def _saved(network: nn.Module) -> dict[str, Any]:
    """Return the state as a file brings it back."""
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return dict(load_archive(buffer))


def _train(network: nn.Module, trial: Trial, steps: range, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """Take some steps of AdamW, from a state of it; return its state."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    if state is not None:
        optimizer.load_state_dict(state)
    for step in steps:
        optimizer.zero_grad()
        _loss(network, trial.inputs(N_ROWS + step)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return copy.deepcopy(optimizer.state_dict())


def _same_bits(trial: Trial) -> str:
    states = []
    for _ in range(2):
        network = _seeded(trial)
        _train(network, trial, range(N_STEPS))
        states.append(network.state_dict())
    changed = _other_bits(*states)
    return f"{', '.join(changed)} differ; draw random numbers from torch only" if changed else ""


def _resume(trial: Trial) -> str:
    """Train in one go, and again with a new copy that goes on from what a checkpoint holds."""
    whole = _seeded(trial)
    _train(whole, trial, range(N_STEPS))
    first = _seeded(trial)
    optimizer, random_state = _train(first, trial, range(N_STEPS // 2)), torch.get_rng_state()
    second = _seeded(trial, seed=1)
    second.load_state_dict(_saved(first))
    torch.set_rng_state(random_state)
    _train(second, trial, range(N_STEPS // 2, N_STEPS), optimizer)
    changed = _other_bits(whole.state_dict(), second.state_dict())
    return f"{', '.join(changed)} differ; keep what forward counts or remembers in buffers" if changed else ""


def _other_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    return [_own_name(name) for name, value in one.items() if name not in other or not torch.equal(value, other[name])]


def _own_name(name: str) -> str:
    """Return the name of a tensor in the own network, without the module of Relight around it."""
    return name.removeprefix("network.")
