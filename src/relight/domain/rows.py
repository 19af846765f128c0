"""Rows as tensors: what the model's forward takes, and what it should say."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from relight.domain.fitted import Fitted
from relight.errors import InputError

Arrays = dict[str, np.ndarray]


class Rows(NamedTuple):
    """Some rows on one device.

    Attributes:
        inputs: what the model's forward takes, each (n_rows, ...).
        target: (n_rows, 1) float32 or (n_rows,) int64.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor

    def to(self, device: torch.device) -> "Rows":
        return Rows(tuple(part.to(device) for part in self.inputs), self.target.to(device))


def rows_for(model: nn.Module, arrays: Arrays, where: str) -> Rows:
    """The arrays of one part as the model takes them; `where` stands for them in messages."""
    return Rows(inputs_for(model, arrays["numeric"], arrays["categories"], where), torch.from_numpy(arrays["target"]))


def inputs_for(model: nn.Module, numeric: np.ndarray, categories: np.ndarray, where: str) -> tuple[Tensor, ...]:
    """Numbers and codes where there is a front, else the numbers alone.

    Raises:
        InputError: when a model without a front would have to read a gap.
    """
    if isinstance(model, Fitted):
        return torch.from_numpy(numeric), torch.from_numpy(categories)
    if np.isnan(numeric).any():
        raise InputError(
            f"{where}: some rows lack a value, and no train row did: with model.numeric: none nothing fills it; "
            "set model.numeric to standardize, or fill the value in"
        )
    return (torch.from_numpy(numeric),)


def after_front(model: nn.Module, rows: Rows) -> tuple[nn.Module, Rows]:
    """A front without learned weights, applied once to all rows; what is left to train; its rows."""
    if not isinstance(model, Fitted) or any(True for _ in model.front.parameters()):
        return model, rows
    with torch.no_grad():
        return nn.Sequential(model.body, model.back), Rows((model.front(*rows.inputs),), rows.target)
