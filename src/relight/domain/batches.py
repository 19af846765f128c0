"""Which rows each step sees: a pure function of seed and epoch, so that a run can go on in the middle of one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from relight.domain.row_order import RowOrder
from relight.domain.rows import Rows

CHUNK_ROWS = 262_144
WHOLE = 2**62  # a window that every table fits into


class Batch(NamedTuple):
    """
    Attributes:
        share: of the weight of all train rows.
        pull: how much the gradient of its loss counts, () float32; None: as it is.
    """

    rows: Rows
    share: float | Tensor
    pull: Tensor | None = None


class Resident(Protocol):
    """Rows on the device, of which some are picked: `Rows`, or `Sequences`."""

    @property
    def n_rows(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def weight(self) -> Tensor | None: ...

    def pick(self, places: Tensor) -> Rows: ...

    def whole(self) -> Rows: ...


class Batches(Protocol):
    """All train rows, once in each epoch."""

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches from this one on, counted from 0."""
        ...


@dataclass(frozen=True)
class ResidentBatches:
    """Of rows that stay on the device: all at once in their order, or batches of one order an epoch.

    Attributes:
        window: rows that are shuffled among each other, as in `RowOrder`.

    A single row that is left over joins the batch before it: batch normalisation knows no deviation of one row.
    """

    rows: Resident
    batch_size: Literal["full"] | int
    seed: int
    window: int = WHOLE

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        if self.batch_size == "full":
            if first == 0:
                yield Batch(self.rows.whole(), 1.0)
            return
        n_rows = self.rows.n_rows
        all_weight = total_weight(self.rows.weight, n_rows)
        order = RowOrder(n_rows, self.window).whole(self.seed + epoch).to(self.rows.device)
        for picked in torch.split(order, batch_sizes(len(order), self.batch_size))[first:]:
            rows = self.rows.pick(picked)
            yield Batch(rows, weight_of(rows) / all_weight)


def chunks_of(n_rows: int) -> list[range]:
    """So many rows are read at once where all are too many."""
    return [range(start, min(start + CHUNK_ROWS, n_rows)) for start in range(0, n_rows, CHUNK_ROWS)]


def total_weight(weight: Tensor | None, n_rows: int) -> float:
    """How much all rows count together, summed chunk by chunk in float64."""
    if weight is None:
        return float(n_rows)
    return math.fsum(part.double().sum().item() for part in torch.split(weight, CHUNK_ROWS))


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    whole, left = divmod(n_rows, batch_size)
    if left == 1 and whole and batch_size > 1:
        return [*[batch_size] * (whole - 1), batch_size + 1]
    return [*[batch_size] * whole, *([left] if left else [])]


def weight_of(rows: Rows) -> int | Tensor:
    """How much the rows count together."""
    return len(rows.target) if rows.weight is None else rows.weight.sum()
