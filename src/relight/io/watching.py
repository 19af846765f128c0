"""What happens beside a training: it is shown, kept for the case of a crash, and stopped where it can go on."""

import time
from typing import Any, Protocol

from torch import Tensor

from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import Checkpoints
from relight.io.runner.lifetime import PatientStop


class State(Protocol):
    """A training under way.

    Attributes:
        loss: of the epoch so far.
        history: a row for each epoch that is done.
    """

    epoch: int
    loss: Tensor
    history: Any

    def save(self) -> dict[str, Any]: ...


class Watching:
    """Between the steps: nothing that the result depends on."""

    def __init__(
        self, checkpoints: Checkpoints, progress: Progress, curves: LiveCurves, stop: PatientStop, *, seconds: float
    ) -> None:
        """
        Args:
            seconds: between two checkpoints.
        """
        self._checkpoints, self._progress, self._curves, self._stop = checkpoints, progress, curves, stop
        self._seconds = seconds
        self._due = time.monotonic() + seconds
        self._has_kept = False
        self._best = float("inf")

    def after_step(self, state: State) -> None:
        if self._stop.requested is not None:
            self._end(state, self._stop.requested)
        if time.monotonic() >= self._due:
            self._keep(state)
            self._due = time.monotonic() + self._seconds

    def after_epoch(self, state: State) -> None:
        done = state.history[-1]
        self._best = min(self._best, done.validation_score)
        self._progress.show(state.epoch, done.validation_loss, self._best)
        self._curves.show(state.history)

    def at_end(self, state: State) -> None:
        """A long run keeps its end, so that nothing is trained again before DVC has recorded it."""
        self._progress.close()
        if self._has_kept:
            self._keep(state)

    def _keep(self, state: State) -> bool:
        """A loss that is no number is not worth keeping: the last good checkpoint stays."""
        if not bool(state.loss.isfinite()):
            return False
        self._has_kept |= self._checkpoints.write(state.save())
        return self._has_kept

    def _end(self, state: State, stopped: BaseException) -> None:
        if self._keep(state):
            stopped.args = (f"a checkpoint is kept at epoch {state.epoch}; `dvc repro` goes on from there",)
        raise stopped
