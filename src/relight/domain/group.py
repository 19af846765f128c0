"""The processes that train one model together, as the loop sees them: one process is a group, too."""

from typing import Any, Protocol

from torch import Tensor, nn

from relight.domain.predicting import Inputs, outputs_of
from relight.domain.rows import Rows
from relight.domain.stored import StoredRows
from relight.domain.training_state import Epoch, TrainingState


class Group(Protocol):
    """
    Attributes:
        rank: the place of this process; the first one, 0, writes.
        size: how many processes there are.
    """

    rank: int
    size: int

    def network(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:
        """The model, called by each process on its own rows, with the gradients of all.

        Args:
            rows: any rows, for a first try.
        """
        ...

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | Inputs, at_once: int) -> Tensor:
        """The raw outputs for all rows, of which each process may compute a part."""
        ...

    def sum(self, value: Tensor) -> Tensor:
        """Of the values of all processes."""
        ...

    def decide(self, epoch: Epoch) -> Epoch:
        """What the first process measured: all must stop at the same epoch."""
        ...

    def save(self, state: TrainingState) -> dict[str, Any]:
        """As the state does, with what differs between the processes."""
        ...

    def share(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        """What the first process has read, for this process to restore."""
        ...


class Alone:
    """One process."""

    rank = 0
    size = 1

    def network(self, model: nn.Module, rows: Rows | StoredRows) -> nn.Module:  # noqa: ARG002  # of the protocol
        return model

    def predict(self, model: nn.Module, inputs: tuple[Tensor, ...] | Inputs, at_once: int) -> Tensor:
        return outputs_of(model, inputs, at_once)

    def sum(self, value: Tensor) -> Tensor:
        return value

    def decide(self, epoch: Epoch) -> Epoch:
        return epoch

    def save(self, state: TrainingState) -> dict[str, Any]:
        return state.save()

    def share(self, saved: dict[str, Any] | None) -> dict[str, Any] | None:
        return saved
