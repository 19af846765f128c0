"""Shuffled batches of rows, in memory or read window by window from their file.

Which rows a step sees is a pure function of the seed and the epoch, whatever the memory, so that a training can
continue in the middle of an epoch.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from relight.model.rows import RowReader, Rows, row_numbers

WINDOW_BYTES = 1 << 25  # of the rows that are shuffled among each other: 262,144 rows of 30 numbers
N_BLOCKS = 64  # of consecutive rows in each window: a disk reads them as fast as a whole file
CHUNK_ROWS = 262_144
UNLIMITED_WINDOW = 2**62  # a window that every table fits into
Prefetch = Callable[[Iterable[Rows]], Iterable[Rows]]  # reads each window while the one before is in use


class ShuffleWindow(NamedTuple):
    """Some rows that follow each other in an epoch.

    Attributes:
        blocks: of the rows in the table.
        order: int64 (n_rows,), indices into the rows of the blocks, in the order of the epoch.
    """

    blocks: list[range]
    order: Tensor


class RowOrder(NamedTuple):
    """The order of the rows in each epoch.

    A table that fits into one window is shuffled as a whole. For a larger one the blocks are shuffled, and then the
    rows of each window of blocks, as the readers of large corpora do (e.g. WebDataset, MosaicML Streaming).

    Attributes:
        window: the number of rows of each window.
    """

    n_rows: int
    window: int

    def windows(self, seed: int) -> Iterator[ShuffleWindow]:
        """Yield all rows once."""
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
        """Return all row numbers in the order of the epoch, int64 (n_rows,)."""
        return torch.cat([row_numbers(window.blocks)[window.order] for window in self.windows(seed)])


def rows_per_window(row_bytes: int) -> int:
    """Return how many rows of `row_bytes` each make a window."""
    return max(N_BLOCKS, WINDOW_BYTES // max(1, row_bytes))


class Batch(NamedTuple):
    """The rows of one step.

    Attributes:
        weight_fraction: their share of the weight of all train rows.
        grad_scale: () float32, the factor of the gradient of their loss; None is 1.
    """

    rows: Rows
    weight_fraction: float | Tensor
    grad_scale: Tensor | None = None


class InMemoryDataset(Protocol):
    """Rows on the device, of which some are picked: `Rows`, `Sequences` or `Windows`."""

    @property
    def n_rows(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def weight(self) -> Tensor | None: ...

    def pick(self, indices: Tensor) -> Rows: ...

    def whole(self) -> Rows: ...


class Batches(Protocol):
    """The train rows in batches, each row once in an epoch."""

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from `first_batch` on, counted from 0."""
        ...

    def n_steps(self, epochs: int) -> int:
        """Return the number of batches in the first so many epochs."""
        ...


@dataclass(frozen=True)
class InMemoryBatches:
    """Batches of rows that stay on the device: all at once, unshuffled, or some in a new order each epoch.

    Attributes:
        window: the number of rows that are shuffled among each other, as in `RowOrder`.
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

    def n_steps(self, epochs: int) -> int:
        return epochs * (1 if self.batch_size == "full" else n_batches(self.rows.n_rows, self.batch_size))


def row_chunks(n_rows: int) -> list[range]:
    """Return the blocks in which a whole table is read, if it is too large to be read at once."""
    return [range(start, min(start + CHUNK_ROWS, n_rows)) for start in range(0, n_rows, CHUNK_ROWS)]


def total_weight(weight: Tensor | None, n_rows: int) -> float:
    """Return how much all rows count together, summed chunk by chunk in float64."""
    if weight is None:
        return float(n_rows)
    return math.fsum(part.double().sum().item() for part in torch.split(weight, CHUNK_ROWS))


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    """Return the number of rows of each batch.

    A single row that is left over joins the batch before it, because one row has no standard deviation, by which batch
    normalisation divides.
    """
    whole, left = divmod(n_rows, batch_size)
    if left == 1 and whole and batch_size > 1:
        return [*[batch_size] * (whole - 1), batch_size + 1]
    return [*[batch_size] * whole, *([left] if left else [])]


def n_batches(n_rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch."""
    whole, left = divmod(n_rows, batch_size)
    joined = left == 1 and whole and batch_size > 1
    return whole if joined or not left else whole + 1


def batch_weight(rows: Rows) -> int | Tensor:
    """Return how much the rows count together."""
    return len(rows.target) if rows.weight is None else rows.weight.sum()


@dataclass(frozen=True)
class StreamedBatches:
    """The same batches as those of `InMemoryBatches`, from rows that are read window by window, one window ahead.

    Attributes:
        total_weight: of all rows together.
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

    def n_steps(self, epochs: int) -> int:
        return epochs * n_batches(self.order.n_rows, self.batch_size)

    def _read_from(self, first_row: int, windows: Iterable[ShuffleWindow]) -> Iterator[Rows]:
        """Yield the rows of each window, from `first_row` on; windows before it are not read."""
        passed = 0
        for window in windows:
            skipped = max(first_row - passed, 0)
            if skipped < len(window.order):
                rows = self.read_blocks(window.blocks)
                yield rows.pick(window.order[skipped:].to(rows.target.device))
            passed += len(window.order)


def _rebatch(windows: Iterable[Rows], sizes: list[int]) -> Iterator[Rows]:
    """Yield the same rows in batches of these sizes."""
    left = iter(windows)
    rows, start = next(left, None), 0
    for size in sizes:
        while rows is not None and len(rows.target) - start < size and (more := next(left, None)) is not None:
            rows, start = _concatenate(rows.slice(start, len(rows.target)), more), 0
        assert rows is not None
        yield rows.slice(start, start + size)
        start += size


def _concatenate(one: Rows, other: Rows) -> Rows:
    weight = None if one.weight is None or other.weight is None else torch.cat([one.weight, other.weight])
    inputs = tuple(torch.cat(parts) for parts in zip(one.inputs, other.inputs, strict=True))
    return Rows(inputs, torch.cat([one.target, other.target]), weight)
