"""One or several processes, protocol.

The processes that train one model together, as the loop sees them: one process is a group, too.

A seed for each of several processes.

The batches of one of several processes: its rows of each batch of all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from relight.model.inference import ChunkedInputs, batched_outputs
from relight.model.rows import Rows, StoredRows
from relight.train.batches import Batch, Batches, batch_weight
from relight.train.state import EpochRecord, TrainingState

BatchWeight = Callable[[Rows], int | torch.Tensor]


class ProcessGroup(Protocol):
    """
    Attributes:
        rank: the place of this process; the first one, 0, writes.
        size: how many processes there are.
    """

    rank: int
    size: int

    def wrap_model(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:
        """The model, called by each process on its own rows, with the gradients of all.

        Args:
            rows: any rows, for a first try.
        """
        ...

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs, at_once: int) -> Tensor:
        """The raw outputs for all rows, of which each process may compute a part."""
        ...

    def all_reduce(self, value: Tensor) -> Tensor:
        """Of the values of all processes."""
        ...

    def broadcast_epoch(self, epoch: EpochRecord) -> EpochRecord:
        """What the first process measured: all must stop at the same epoch."""
        ...

    def save(self, state: TrainingState) -> dict[str, Any]:
        """As the state does, with what differs between the processes."""
        ...

    def broadcast_state(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        """What the first process has read, for this process to restore."""
        ...


class SingleProcess:
    """One process."""

    rank = 0
    size = 1

    def wrap_model(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:  # noqa: ARG002  # of the protocol
        return model

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs, at_once: int) -> Tensor:
        return batched_outputs(model, inputs, at_once)

    def all_reduce(self, value: Tensor) -> Tensor:
        return value

    def broadcast_epoch(self, epoch: EpochRecord) -> EpochRecord:
        return epoch

    def save(self, state: TrainingState) -> dict[str, Any]:
        return state.save()

    def broadcast_state(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        return saved


def process_seed(seed: int, rank: int) -> int:
    """For the dropout of one process; the first has that of a process alone."""
    return seed if rank == 0 else int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])


@dataclass(frozen=True)
class DistributedBatches:
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
    weight_fn: BatchWeight = batch_weight

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        for batch in self.batches.epoch_batches(epoch, first_batch):
            yield self._piece(batch.rows, batch.weight_fraction)

    def _piece(self, rows: Rows, weight_fraction: float | torch.Tensor) -> Batch:
        start, stop = (rank * len(rows.target) // self.size for rank in (self.rank, self.rank + 1))
        if start == stop:  # The process takes part in the step all the same: with a row that counts for nothing.
            return Batch(rows.slice(0, 1), 0.0, rows.target.new_zeros((), dtype=torch.float32))
        piece = rows.slice(start, stop)
        part = torch.as_tensor(self.weight_fn(piece), dtype=torch.float32, device=rows.target.device)
        whole = torch.as_tensor(self.weight_fn(rows), dtype=torch.float32, device=rows.target.device)
        part = part / whole.clamp(min=torch.finfo(torch.float32).tiny)  # of a batch in which nothing counts: 0
        return Batch(piece, weight_fraction * part, part * self.size)
