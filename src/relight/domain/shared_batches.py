"""The batches of one of several processes: its rows of each batch of all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from relight.domain.batches import Batch, Batches, weight_of
from relight.domain.rows import Rows

Weigh = Callable[[Rows], int | torch.Tensor]


@dataclass(frozen=True)
class SharedBatches:
    """Each batch is cut into pieces of rows that stand together, as equal as can be.

    DistributedDataParallel takes the plain mean of the processes' gradients, and each has the mean over its own rows.
    That is the mean over the whole batch once each gradient is multiplied by `pull`, the piece's part of the batch's
    weight times the number of processes.

    Attributes:
        weigh: how much rows count together: as many times as the loss is the mean of.
    """

    batches: Batches
    rank: int
    size: int
    weigh: Weigh = weight_of

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        for batch in self.batches.of_epoch(epoch, first):
            yield self._piece(batch.rows, batch.share)

    def _piece(self, rows: Rows, share: float | torch.Tensor) -> Batch:
        start, stop = (place * len(rows.target) // self.size for place in (self.rank, self.rank + 1))
        if start == stop:  # The process takes part in the step all the same: with a row that counts for nothing.
            return Batch(rows.slice(0, 1), 0.0, rows.target.new_zeros((), dtype=torch.float32))
        piece = rows.slice(start, stop)
        part = torch.as_tensor(self.weigh(piece), dtype=torch.float32, device=rows.target.device)
        whole = torch.as_tensor(self.weigh(rows), dtype=torch.float32, device=rows.target.device)
        part = part / whole.clamp(min=torch.finfo(torch.float32).tiny)  # of a batch in which nothing counts: 0
        return Batch(piece, share * part, part * self.size)
