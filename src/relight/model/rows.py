"""Rows as tensors, on one device or read from a file: what every kind of data becomes before a step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from relight.model.inference import prediction_batch_size

Arrays = dict[str, np.ndarray]


class Rows(NamedTuple):
    """Some rows on one device.

    Attributes:
        inputs: what the model's forward takes, each (n_rows, ...).
        target: (n_rows, 1) float32, (n_rows,) int64, or (n_rows, n_classes) float32 shares; for a ranking
            (n_rows, 2) float32: relevance, and the number of the query.
        weight: (n_rows,) float32: how much each row counts in the loss; None if all count the same.
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
        """Return the rows at these indices, in that order."""
        weight = None if self.weight is None else self.weight.index_select(0, indices)
        inputs = tuple(part.index_select(0, indices) for part in self.inputs)
        return Rows(inputs, self.target.index_select(0, indices), weight)

    def whole(self) -> "Rows":
        """Return all rows, for a batch that holds all."""
        return self

    def slice(self, start: int, stop: int) -> "Rows":
        """Return the rows from start to stop, without a copy."""
        weight = None if self.weight is None else self.weight[start:stop]
        return Rows(tuple(part[start:stop] for part in self.inputs), self.target[start:stop], weight)

    def first(self, n_rows: int) -> "Rows":
        """Return the first rows, without a copy."""
        return self.slice(0, n_rows)


RowReader = Callable[[list[range]], Rows]  # the rows of these blocks, one block after the other


@dataclass(frozen=True)
class StoredInputs:
    """Takes the place of the inputs of rows; they are read each time they are needed."""

    read_blocks: RowReader
    n_rows: int

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield the inputs in order, `at_once` rows at a time."""
        for start in range(0, self.n_rows, at_once):
            yield self.read_blocks([range(start, min(start + at_once, self.n_rows))]).inputs


class StoredRows(NamedTuple):
    """Like `Rows`, with target and weight in memory, and inputs that are read or made chunk by chunk."""

    inputs: StoredInputs
    target: Tensor
    weight: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return len(self.target)

    def first(self, n_rows: int) -> Rows:
        """Return the first rows, read."""
        weight = None if self.weight is None else self.weight[:n_rows]
        return Rows(next(self.inputs.chunks(n_rows)), self.target[:n_rows], weight)


def row_numbers(blocks: list[range]) -> Tensor:
    """Return the numbers of the rows of these blocks, int64."""
    return torch.cat([torch.arange(block.start, block.stop) for block in blocks])


def preprocess_inputs(preprocessor: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the inputs after the preprocessor, which reads some rows at a time to bound the memory."""
    at_once = prediction_batch_size(preprocessor)
    with torch.no_grad():
        chunks = zip(*(torch.split(part, at_once) for part in inputs), strict=True)
        return tuple(torch.cat(parts) for parts in zip(*(preprocessor(*chunk) for chunk in chunks), strict=True))
