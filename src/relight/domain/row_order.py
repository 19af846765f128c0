"""The order of the rows in an epoch: a pure function of the seed and the table, the same whatever the memory."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

WINDOW_BYTES = 1 << 25  # of rows that are shuffled among each other: 262,144 of 30 numbers
BLOCKS = 64  # of consecutive rows in each window: a disk reads them as fast as a whole file


class Window(NamedTuple):
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

    def windows(self, seed: int) -> Iterator[Window]:
        """All rows, once."""
        generator = torch.Generator().manual_seed(seed)
        if self.n_rows <= self.window:
            yield Window([range(self.n_rows)], torch.randperm(self.n_rows, generator=generator))
            return
        size = max(1, self.window // BLOCKS)
        starts = torch.randperm(-(-self.n_rows // size), generator=generator) * size
        for some in torch.split(starts, BLOCKS):
            blocks = [range(start, min(start + size, self.n_rows)) for start in some.tolist()]
            yield Window(blocks, torch.randperm(sum(map(len, blocks)), generator=generator))

    def whole(self, seed: int) -> Tensor:
        """All row numbers in the order of the epoch, int64 (n_rows,)."""
        return torch.cat([rows_of(window.blocks)[window.order] for window in self.windows(seed)])


def rows_of(blocks: list[range]) -> Tensor:
    """The numbers of their rows, int64."""
    return torch.cat([torch.arange(block.start, block.stop) for block in blocks])


def window_rows(row_bytes: int) -> int:
    """How many rows of so many bytes make a window."""
    return max(BLOCKS, WINDOW_BYTES // max(1, row_bytes))
