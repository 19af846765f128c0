"""Rows as model input tensors.

The tensors of pairs, as the tower takes them.

Rows as tensors: what the model's forward takes, and what it should say.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.inference import prediction_batch_size
from relight.model.networks.forecaster import Forecaster
from relight.model.networks.tower import SiameseModel
from relight.model.pipeline import TabularModel, TargetTransform

INPUT_KINDS = ("numeric", "categories", "letters")
PAIR_ARRAY_NAMES = tuple(f"{side}_{part}" for side in ("left", "right") for part in INPUT_KINDS)
Arrays = dict[str, np.ndarray]


def pair_input_tensors(arrays: dict[str, np.ndarray]) -> tuple[Tensor, ...]:
    """Numbers, categories and letters of the left side, then of the right, each (n_rows, ...)."""
    return tuple(torch.from_numpy(arrays[name]) for name in PAIR_ARRAY_NAMES)


def row_numbers(blocks: list[range]) -> Tensor:
    """The numbers of their rows, int64."""
    return torch.cat([torch.arange(block.start, block.stop) for block in blocks])


class Rows(NamedTuple):
    """Some rows on one device.

    Attributes:
        inputs: what the model's forward takes, each (n_rows, ...).
        target: (n_rows, 1) float32, (n_rows,) int64, or (n_rows, n_classes) float32 shares; for a ranking
            (n_rows, 2) float32: relevance, and the number of the query.
        weight: (n_rows,) float32: how much each row counts in the loss; None where all count the same.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    weight: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return len(self.target)

    @property
    def device(self) -> torch.device:
        return self.target.device

    def to(self, device: torch.device) -> "Rows":
        weight = None if self.weight is None else self.weight.to(device)
        return Rows(tuple(part.to(device) for part in self.inputs), self.target.to(device), weight)

    def pick(self, indices: Tensor) -> "Rows":
        """The rows at some places, in that order."""
        weight = None if self.weight is None else self.weight.index_select(0, indices)
        inputs = tuple(part.index_select(0, indices) for part in self.inputs)
        return Rows(inputs, self.target.index_select(0, indices), weight)

    def whole(self) -> "Rows":
        """All of them."""
        return self

    def slice(self, start: int, stop: int) -> "Rows":
        """The rows from start to stop, without a copy."""
        weight = None if self.weight is None else self.weight[start:stop]
        return Rows(tuple(part[start:stop] for part in self.inputs), self.target[start:stop], weight)


def assert_positive_weight(weight: float, source_name: str) -> None:
    """
    Raises:
        InputError: when the rows weigh nothing together.
    """
    if not weight:
        raise InputError(f"{source_name}: all of them weigh 0; look at prepare.weight and train.class_weights")


def build_rows(model: nn.Module, arrays: Arrays, source_name: str) -> Rows:
    """The arrays of one part as the model takes them; `where` stands for them in messages.

    Raises:
        InputError: when a model without a front would have to read a gap.
    """
    weight = torch.from_numpy(arrays["weight"]) if "weight" in arrays else None
    if "left_numeric" in arrays:
        return Rows(pair_input_tensors(arrays), torch.from_numpy(arrays["target"]), weight)
    inputs = build_inputs(model, arrays["numeric"], arrays["categories"], source_name)
    target = torch.from_numpy(arrays["target"])
    if "query" in arrays:
        target = torch.cat([target, torch.from_numpy(arrays["query"]).float().unsqueeze(1)], dim=1)
    return Rows(inputs, target, weight)


def build_inputs(model: nn.Module, numeric: np.ndarray, categories: np.ndarray, source_name: str) -> tuple[Tensor, ...]:
    """Numbers and codes where there is a front, else the numbers alone.

    Raises:
        InputError: when a model without a front would have to read a gap.
    """
    if isinstance(model, TabularModel):
        return torch.from_numpy(numeric), torch.from_numpy(categories)
    if np.isnan(numeric).any():
        raise InputError(
            f"{source_name}: some rows lack a value, and no train row did: with model.numeric: none nothing fills it; "
            "set model.numeric to standardize, or fill the value in"
        )
    return (torch.from_numpy(numeric),)


def trainable_module(model: nn.Module) -> nn.Module:
    """What learns: the network between a front and a back that do not."""
    return model.network if isinstance(model, TabularModel | Forecaster | SiameseModel) else model


def preprocess_rows(model: nn.Module, rows: Rows) -> Rows:
    """The rows after the front, the target on the network's scale: once, not in every step."""
    if not isinstance(model, TabularModel | SiameseModel):
        return rows
    with torch.no_grad():
        chunks = zip(
            *(torch.split(part, prediction_batch_size(model.preprocessor)) for part in rows.inputs), strict=True
        )
        inputs = tuple(
            torch.cat(parts) for parts in zip(*(model.preprocessor(*chunk) for chunk in chunks), strict=True)
        )
        transform = model.target_transform if isinstance(model, TabularModel) else None
        target = transform.transform(rows.target) if isinstance(transform, TargetTransform) else rows.target
    return Rows(inputs, target, rows.weight)


RowReader = Callable[[list[range]], Rows]  # the rows of these blocks, one after the other


@dataclass(frozen=True)
class StoredInputs:
    """Stands where the inputs of rows stand: they are read when they are asked for."""

    read_blocks: RowReader
    n_rows: int

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """So many rows at a time, in order."""
        for start in range(0, self.n_rows, at_once):
            yield self.read_blocks([range(start, min(start + at_once, self.n_rows))]).inputs


class StoredRows(NamedTuple):
    """As `Rows`; target and weight are in memory."""

    inputs: StoredInputs
    target: Tensor
    weight: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return len(self.target)
