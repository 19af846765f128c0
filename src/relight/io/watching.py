"""What happens beside a training: it is shown, kept for the case of a crash, and stopped where it can go on."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from relight.io.runner.lifetime import PatientStop, Terminated


class State(Protocol):
    """A training under way.

    Attributes:
        loss: of the epoch so far.
        history: a row for each epoch that is done.
    """

    epoch: int
    loss: Tensor
    history: Any


class Keeper(Protocol):
    """Where checkpoints go; says whether one could be written."""

    def write(self, saved: dict[str, Any], /) -> bool: ...


class Show(Protocol):
    def show(self, history: Sequence[Sequence[float]], /) -> None: ...


class Group(Protocol):
    """The processes that train together, or one alone."""

    def sum(self, value: Tensor, /) -> Tensor: ...

    def save(self, state: Any, /) -> dict[str, Any]: ...


class Agreement(Protocol):
    """What at least one of several processes wants; all of them hear it after the same step."""

    def on(self, *wishes: bool) -> Sequence[bool]: ...


class Watching:
    """Between the steps: nothing that the result depends on."""

    def __init__(
        self,
        checkpoints: Keeper,
        shows: Sequence[Show],
        stop: PatientStop,
        group: Group,
        agreement: Agreement | None,
        *,
        seconds: float,
    ) -> None:
        """
        Args:
            agreement: with the other processes, where there are some.
            seconds: between two checkpoints.
        """
        self._checkpoints, self._shows, self._stop = checkpoints, shows, stop
        self._group, self._agreement = group, agreement
        self._seconds = seconds
        self._due = time.monotonic() + seconds
        self._has_tried = False

    def after_step(self, state: State) -> None:
        stops, is_due = self._stop.requested is not None, time.monotonic() >= self._due
        if self._agreement is not None:
            stops, is_due = self._agreement.on(stops, is_due)
        if stops:
            self._end(state, self._stop.requested or Terminated())
        if is_due:
            self._keep(state)
            self._due = time.monotonic() + self._seconds

    def after_epoch(self, state: State) -> None:
        for show in self._shows:
            show.show(state.history)

    def at_end(self, state: State) -> None:
        """A long run keeps its end, so that nothing is trained again before DVC has recorded it."""
        if self._has_tried:
            self._keep(state)

    def _keep(self, state: State) -> bool:
        """A loss that is no number is not worth keeping: the last good checkpoint stays."""
        if not bool(self._group.sum(state.loss.clone()).isfinite()):
            return False
        self._has_tried = True
        return self._checkpoints.write(self._group.save(state))

    def _end(self, state: State, stopped: BaseException) -> None:
        if self._keep(state):
            stopped.args = (f"a checkpoint is kept at epoch {state.epoch}; `dvc repro` goes on from there",)
        raise stopped
