"""Which rows each step sees: a pure function of seed and epoch, so that a run can go on in the middle of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from relight.domain.rows import Rows


class Batch(NamedTuple):
    """
    Attributes:
        share: of the weight of all train rows.
        pull: how much the gradient of its loss counts, () float32; None: as it is.
    """

    rows: Rows
    share: float | Tensor
    pull: Tensor | None = None


class Batches(Protocol):
    """All train rows, once in each epoch."""

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches from this one on, counted from 0."""
        ...


@dataclass(frozen=True)
class ResidentBatches:
    """Of rows that stay on the device: all at once in their order, or batches of one permutation an epoch.

    A single row that is left over joins the batch before it: batch normalisation knows no deviation of one row.
    """

    rows: Rows
    batch_size: Literal["full"] | int
    seed: int

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        if self.batch_size == "full":
            if first == 0:
                yield Batch(self.rows, 1.0)
            return
        all_weight = weight_of(self.rows)
        order = permutation(len(self.rows.target), self.seed + epoch).to(self.rows.target.device)
        for picked in torch.split(order, batch_sizes(len(order), self.batch_size))[first:]:
            rows = self.rows.pick(picked)
            yield Batch(rows, weight_of(rows) / all_weight)


def permutation(n_rows: int, seed: int) -> Tensor:
    """Row numbers, int64 (n_rows,), in an order that only the seed decides."""
    return torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed))


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    whole, left = divmod(n_rows, batch_size)
    if left == 1 and whole and batch_size > 1:
        return [*[batch_size] * (whole - 1), batch_size + 1]
    return [*[batch_size] * whole, *([left] if left else [])]


def weight_of(rows: Rows) -> int | Tensor:
    """How much the rows count together."""
    return len(rows.target) if rows.weight is None else rows.weight.sum()
