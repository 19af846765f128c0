"""Rows that stay in their file, for there are more than the memory should hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from relight.domain.batches import Batch, batch_sizes, weight_of
from relight.domain.row_order import RowOrder, Window
from relight.domain.rows import Rows

Read = Callable[[list[range]], Rows]  # the rows of these blocks, one after the other
Ahead = Callable[[Iterable[Rows]], Iterable[Rows]]  # each made while the one before is worked on


@dataclass(frozen=True)
class StoredInputs:
    """Stands where the inputs of rows stand: they are read when they are asked for."""

    read: Read
    n_rows: int

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """So many rows at a time, in order."""
        for start in range(0, self.n_rows, at_once):
            yield self.read([range(start, min(start + at_once, self.n_rows))]).inputs


class StoredRows(NamedTuple):
    """As `Rows`; target and weight are in memory."""

    inputs: StoredInputs
    target: Tensor
    weight: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class StoredBatches:
    """The batches that `ResidentBatches` makes, of rows that are read window by window, one window ahead.

    Attributes:
        all_weight: of all rows together.
    """

    read: Read
    order: RowOrder
    batch_size: int
    seed: int
    all_weight: float
    ahead: Ahead

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        sizes = batch_sizes(self.order.n_rows, self.batch_size)
        windows = self.ahead(self._read_from(sum(sizes[:first]), self.order.windows(self.seed + epoch)))
        for rows in _cut(windows, sizes[first:]):
            yield Batch(rows, weight_of(rows) / self.all_weight)

    def _read_from(self, first_row: int, windows: Iterable[Window]) -> Iterator[Rows]:
        """The rows in their order, without those before; a window that lies before is not read."""
        passed = 0
        for window in windows:
            skipped = max(first_row - passed, 0)
            if skipped < len(window.order):
                rows = self.read(window.blocks)
                yield rows.pick(window.order[skipped:].to(rows.target.device))
            passed += len(window.order)


def _cut(windows: Iterable[Rows], sizes: list[int]) -> Iterator[Rows]:
    """The same rows in batches of these sizes."""
    coming = iter(windows)
    held, place = next(coming, None), 0
    for size in sizes:
        while held is not None and len(held.target) - place < size and (more := next(coming, None)) is not None:
            held, place = _join(held.slice(place, len(held.target)), more), 0
        assert held is not None
        yield held.slice(place, place + size)
        place += size


def _join(one: Rows, other: Rows) -> Rows:
    weight = None if one.weight is None or other.weight is None else torch.cat([one.weight, other.weight])
    inputs = tuple(torch.cat(parts) for parts in zip(one.inputs, other.inputs, strict=True))
    return Rows(inputs, torch.cat([one.target, other.target]), weight)
