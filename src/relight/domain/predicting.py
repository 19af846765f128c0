"""Inference: raw outputs of a model, in evaluation mode and without gradients."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

PREDICTION_ROWS = 65_536  # at most this many rows at once, so that prediction has bounded memory
PREDICTION_NUMBERS = 2**24  # at most this many numbers in one layer: 64 MiB


class Inputs(Protocol):
    """Rows that are not in memory."""

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """What the model's forward takes, so many rows at a time."""
        ...


def predict(model: nn.Module, inputs: tuple[Tensor, ...] | Inputs) -> Tensor:
    """The raw outputs of the model in inference mode, (n_rows, d_out) or (n_rows, n_members, d_out)."""
    set_mode(model, training=False)
    with torch.inference_mode():
        return outputs_of(model, inputs, rows_at_once(model))


def outputs_of(model: nn.Module, inputs: tuple[Tensor, ...] | Inputs, at_once: int) -> Tensor:
    """As `predict`, for a caller who has set both modes."""
    if isinstance(inputs, tuple) and len(inputs[0]) <= at_once:
        whole: Tensor = model(*inputs)
        return whole
    chunks = _chunks(inputs, at_once) if isinstance(inputs, tuple) else inputs.chunks(at_once)
    return torch.cat([model(*chunk) for chunk in chunks])


def _chunks(inputs: tuple[Tensor, ...], at_once: int) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(torch.split(part, at_once) for part in inputs), strict=True)


def set_mode(model: nn.Module, *, training: bool) -> None:
    """As `model.train(training)`, in a tenth of its time: beside a step of 50 points that is not nothing."""
    own = vars(model)
    own["training"] = training
    for part in own["_modules"].values():
        if part is not None:
            set_mode(part, training=training)


def rows_at_once(model: nn.Module) -> int:
    """How many rows fit; it depends on the model alone, for other chunks might give other last bits.

    A network with wide layers says in `d_widest` how many numbers its widest one holds for each row.
    """
    widest: int = max(1, *(vars(part).get("d_widest", 1) for part in model.modules()))
    return max(1, min(PREDICTION_ROWS, PREDICTION_NUMBERS // widest))
