"""Sparse gradients, which hold only the rows that a batch has looked up: those of nn.Embedding(sparse=True).

None of Relight's networks has them; one of the user's own may. Few optimizers read them.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.inference import set_training_mode
from relight.model.rows import Rows, StoredRows
from relight.runtime.tracebacks import blame_own_code
from relight.train.optim.checks import KEY, OTHERS, load_optimizer, needs_sparse
from relight.train.optim.params import OptimizerCall, OptimizerParams

SPARSE_OTHERS = (
    "take {call: torch.optim:SGD} or {call: torch.optim:Adagrad} without weight_decay, or make nn.Embedding "
    "without sparse=True"
)
N_TRIED_ROWS = 2


def sparse_weights(model: nn.Module, rows: Rows | StoredRows) -> list[str]:
    """Return the names of the weights that get a sparse gradient from some rows.

    The model stays as it is, and no random number is used up.

    Args:
        rows: preprocessed, on the device of the model.
    """
    inputs = tuple(part[:N_TRIED_ROWS] for part in rows.inputs) if isinstance(rows, Rows) else _first_chunk(rows)
    device = rows.target.device
    set_training_mode(model, training=False)  # it leaves the statistics of batch normalisation alone
    devices = [device] if device.type == "cuda" else []
    no_cudnn = torch.backends.cudnn.flags(enabled=False)  # it refuses the gradients of recurrent layers in this mode
    with torch.random.fork_rng(devices), no_cudnn, blame_own_code(Path(), "model.name"):
        outputs: Tensor = model(*inputs)
        if outputs.requires_grad:
            outputs.sum().backward()  # type: ignore[no-untyped-call]
    found = [name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.is_sparse]
    for weight in model.parameters():
        weight.grad = None
    if found:
        torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]  # without: a warning
    return found


def _first_chunk(rows: StoredRows) -> tuple[Tensor, ...]:
    return next(iter(rows.inputs.chunks(N_TRIED_ROWS)))


def assert_gradients_fit(
    params: OptimizerParams | OptimizerCall,
    weights: Sequence[str],
    sparse: Sequence[str],
    *,
    gradient_clip: float | None,
    processes: int,
) -> None:
    """Check that an optimizer, clipping and other processes can read the gradients of a network.

    Args:
        weights: the names of all weights that learn.
        sparse: the names of those whose gradients are sparse.

    Raises:
        InputError: with everything that cannot.
    """
    dense = [name for name in weights if name not in sparse]
    if isinstance(params, OptimizerCall) and dense and needs_sparse(load_optimizer(params)):
        others = SPARSE_OTHERS if sparse else OTHERS
        raise InputError(f"{KEY}: {params} does not support dense gradients, got those of {_some(dense)}; {others}")
    problems = _sparse_problems(params, _some(sparse), gradient_clip, processes) if sparse else []
    if problems:
        raise InputError(*problems)


def _sparse_problems(
    params: OptimizerParams | OptimizerCall, names: str, gradient_clip: float | None, processes: int
) -> list[str]:
    problems = []
    if isinstance(params, OptimizerParams) and (params.name != "sgd" or params.momentum or params.weight_decay):
        what = params.name if params.name != "sgd" else "sgd with momentum or weight_decay"
        problems.append(f"{KEY}: {what} does not support sparse gradients, got those of {names}; {SPARSE_OTHERS}")
    if gradient_clip is not None:
        problems.append(
            f"train.gradient_clip: must be null with sparse gradients, whose norm PyTorch does not compute, got "
            f"{gradient_clip} and those of {names}; set it to null, or make nn.Embedding without sparse=True"
        )
    if processes > 1:
        problems.append(
            f"model.name: must have dense gradients with several processes, which add up only those, got sparse ones "
            f"of {names}; make nn.Embedding without sparse=True, or train in one process"
        )
    return problems


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
