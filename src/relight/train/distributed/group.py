"""The processes that train one model together, as the loop sees them: one process is a group, too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from relight.model.inference import ChunkedInputs, batched_outputs
from relight.model.rows import Rows, StoredRows
from relight.train.batches import Batch, Batches, batch_weight

BatchWeight = Callable[[Rows], int | torch.Tensor]


class ProcessGroup(Protocol):
    """
    Attributes:
        rank: of this process; the first one, 0, writes.
        size: the number of processes.
    """

    rank: int
    size: int

    def wrap_model(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:
        """Return the model for the forward pass of a step: on the rows of this process, with the gradients of all.

        Args:
            rows: any rows, for a step before the first.
        """
        ...

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs, at_once: int) -> Tensor:
        """Return the raw outputs for all rows, of which each process may compute a part."""
        ...

    def all_reduce(self, value: Tensor) -> Tensor:
        """Return the sum of the values of all processes."""
        ...

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        """Return the numbers of the first process."""
        ...

    def gather_state(self, saved: dict[str, Any]) -> dict[str, Any]:
        """Return the checkpoint of this process, completed with what differs in the others."""
        ...

    def broadcast_state(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the part of this process in the checkpoint that the first process has read."""
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

    def broadcast_numbers(self, numbers: Sequence[float]) -> Sequence[float]:
        return numbers

    def gather_state(self, saved: dict[str, Any]) -> dict[str, Any]:
        return saved

    def broadcast_state(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        return saved


def process_seed(seed: int, rank: int) -> int:
    """Return the seed of one process, for its dropout; the first has the seed of a single process."""
    return seed if rank == 0 else int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])


@dataclass(frozen=True)
class DistributedBatches:
    """Cuts each batch into pieces of neighbouring rows, as equal as possible, one for each process.

    DistributedDataParallel takes the plain mean of the processes' gradients, and each has the mean over its own rows.
    That is the mean over the whole batch if each gradient is multiplied by `grad_scale`, the piece's part of the
    batch's weight times the number of processes.

    Attributes:
        weight_fn: how much rows count together: the loss is a mean over so many.
    """

    batches: Batches
    rank: int
    size: int
    weight_fn: BatchWeight = batch_weight

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        for batch in self.batches.epoch_batches(epoch, first_batch):
            yield self._piece(batch.rows, batch.weight_fraction)

    def n_steps(self, epochs: int) -> int:
        return self.batches.n_steps(epochs)

    def _piece(self, rows: Rows, weight_fraction: float | torch.Tensor) -> Batch:
        start, stop = (rank * len(rows.target) // self.size for rank in (self.rank, self.rank + 1))
        if start == stop:  # DistributedDataParallel needs every process in every step: a row with weight 0.
            return Batch(rows.slice(0, 1), 0.0, rows.target.new_zeros((), dtype=torch.float32))
        piece = rows.slice(start, stop)
        part = torch.as_tensor(self.weight_fn(piece), dtype=torch.float32, device=rows.target.device)
        whole = torch.as_tensor(self.weight_fn(rows), dtype=torch.float32, device=rows.target.device)
        part = part / whole.clamp(min=torch.finfo(torch.float32).tiny)  # of a batch in which nothing counts: 0
        return Batch(piece, weight_fraction * part, part * self.size)
