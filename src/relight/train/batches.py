"""Shuffled batches, memory or disk.

The order of the rows in an epoch: a pure function of the seed and the table, the same whatever the memory.

Which rows each step sees: a pure function of seed and epoch, so that a run can go on in the middle of one.

Rows that stay in their file, for there are more than the memory should hold.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from relight.model.rows import RowReader, Rows, row_numbers

WINDOW_BYTES = 1 << 25  # of rows that are shuffled among each other: 262,144 of 30 numbers
N_BLOCKS = 64  # of consecutive rows in each window: a disk reads them as fast as a whole file
CHUNK_ROWS = 262_144
UNLIMITED_WINDOW = 2**62  # a window that every table fits into
Prefetch = Callable[[Iterable[Rows]], Iterable[Rows]]  # each made while the one before is worked on


class ShuffleWindow(NamedTuple):
    """Some rows that come one after the other in the epoch.

    Attributes:
        blocks: where they lie in the table.
        order: int64 (n_rows,), the places among the rows of the blocks, in the order of the epoch.
    """

    blocks: list[range]
    order: Tensor


class RowOrder(NamedTuple):
    """A table that fits into one window is shuffled whole. Of a larger one the blocks are shuffled, and then the rows
    of each window of blocks, as the readers of large corpora do (e.g. WebDataset, MosaicML Streaming).

    Attributes:
        window: rows of each window.
    """

    n_rows: int
    window: int

    def windows(self, seed: int) -> Iterator[ShuffleWindow]:
        """All rows, once."""
        generator = torch.Generator().manual_seed(seed)
        if self.n_rows <= self.window:
            yield ShuffleWindow([range(self.n_rows)], torch.randperm(self.n_rows, generator=generator))
            return
        size = max(1, self.window // N_BLOCKS)
        starts = torch.randperm(-(-self.n_rows // size), generator=generator) * size
        for some in torch.split(starts, N_BLOCKS):
            blocks = [range(start, min(start + size, self.n_rows)) for start in some.tolist()]
            yield ShuffleWindow(blocks, torch.randperm(sum(map(len, blocks)), generator=generator))

    def whole(self, seed: int) -> Tensor:
        """All row numbers in the order of the epoch, int64 (n_rows,)."""
        return torch.cat([row_numbers(window.blocks)[window.order] for window in self.windows(seed)])


def rows_per_window(row_bytes: int) -> int:
    """How many rows of so many bytes make a window."""
    return max(N_BLOCKS, WINDOW_BYTES // max(1, row_bytes))


class Batch(NamedTuple):
    """
    Attributes:
        share: of the weight of all train rows.
        pull: how much the gradient of its loss counts, () float32; None: as it is.
    """

    rows: Rows
    weight_fraction: float | Tensor
    grad_scale: Tensor | None = None


class InMemoryDataset(Protocol):
    """Rows on the device, of which some are picked: `Rows`, or `Sequences`."""

    @property
    def n_rows(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def weight(self) -> Tensor | None: ...

    def pick(self, indices: Tensor) -> Rows: ...

    def whole(self) -> Rows: ...


class Batches(Protocol):
    """All train rows, once in each epoch."""

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches from this one on, counted from 0."""
        ...


@dataclass(frozen=True)
class InMemoryBatches:
    """Of rows that stay on the device: all at once in their order, or batches of one order an epoch.

    Attributes:
        window: rows that are shuffled among each other, as in `RowOrder`.

    A single row that is left over joins the batch before it: batch normalisation knows no deviation of one row.
    """

    rows: InMemoryDataset
    batch_size: Literal["full"] | int
    seed: int
    window: int = UNLIMITED_WINDOW

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        if self.batch_size == "full":
            if first_batch == 0:
                yield Batch(self.rows.whole(), 1.0)
            return
        n_rows = self.rows.n_rows
        sum_of_weights = total_weight(self.rows.weight, n_rows)
        order = RowOrder(n_rows, self.window).whole(self.seed + epoch).to(self.rows.device)
        for picked in torch.split(order, batch_sizes(len(order), self.batch_size))[first_batch:]:
            rows = self.rows.pick(picked)
            yield Batch(rows, batch_weight(rows) / sum_of_weights)


def row_chunks(n_rows: int) -> list[range]:
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


def batch_weight(rows: Rows) -> int | Tensor:
    """How much the rows count together."""
    return len(rows.target) if rows.weight is None else rows.weight.sum()


@dataclass(frozen=True)
class StreamedBatches:
    """The batches that `ResidentBatches` makes, of rows that are read window by window, one window ahead.

    Attributes:
        all_weight: of all rows together.
    """

    read_blocks: RowReader
    order: RowOrder
    batch_size: int
    seed: int
    total_weight: float
    prefetch: Prefetch

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        sizes = batch_sizes(self.order.n_rows, self.batch_size)
        windows = self.prefetch(self._read_from(sum(sizes[:first_batch]), self.order.windows(self.seed + epoch)))
        for rows in _rebatch(windows, sizes[first_batch:]):
            yield Batch(rows, batch_weight(rows) / self.total_weight)

    def _read_from(self, first_row: int, windows: Iterable[ShuffleWindow]) -> Iterator[Rows]:
        """The rows in their order, without those before; a window that lies before is not read."""
        passed = 0
        for window in windows:
            skipped = max(first_row - passed, 0)
            if skipped < len(window.order):
                rows = self.read_blocks(window.blocks)
                yield rows.pick(window.order[skipped:].to(rows.target.device))
            passed += len(window.order)


def _rebatch(windows: Iterable[Rows], sizes: list[int]) -> Iterator[Rows]:
    """The same rows in batches of these sizes."""
    coming = iter(windows)
    rows, start = next(coming, None), 0
    for size in sizes:
        while rows is not None and len(rows.target) - start < size and (more := next(coming, None)) is not None:
            rows, start = _concatenate(rows.slice(start, len(rows.target)), more), 0
        assert rows is not None
        yield rows.slice(start, start + size)
        start += size


def _concatenate(one: Rows, other: Rows) -> Rows:
    weight = None if one.weight is None or other.weight is None else torch.cat([one.weight, other.weight])
    inputs = tuple(torch.cat(parts) for parts in zip(one.inputs, other.inputs, strict=True))
    return Rows(inputs, torch.cat([one.target, other.target]), weight)
