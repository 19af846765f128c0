"""What happens beside a training: it is shown, kept for the case of a crash, and stopped where it can go on."""

import time
from typing import Any, Protocol

from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import Checkpoints
from relight.io.runner.lifetime import PatientStop


class State(Protocol):
    """A training under way.

    Attributes:
        history: a row for each epoch that is done.
    """

    epoch: int
    step: int
    history: Any

    def is_finite(self) -> bool: ...

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
        self._best = float("inf")

    def after_step(self, state: State) -> None:
        self._stop_if_asked(state)
        if time.monotonic() >= self._due:
            self._keep(state)
            self._due = time.monotonic() + self._seconds

    def after_epoch(self, state: State) -> None:
        done = state.history[-1]
        self._best = min(self._best, done.validation_score)
        self._progress.show(state.epoch, done.validation_loss, self._best)
        self._curves.show(state.history)
        self._stop_if_asked(state)

    def at_end(self, state: State) -> None:
        """A long run keeps its end, so that nothing is trained again before DVC has recorded it."""
        self._progress.close()
        if self._checkpoints.last not in (None, (state.epoch, state.step)):
            self._keep(state)

    def _stop_if_asked(self, state: State) -> None:
        if self._stop.requested is not None:
            self._keep(state)
            raise self._stop.requested

    def _keep(self, state: State) -> None:
        """What is no number is not worth keeping: the last good checkpoint stays."""
        if state.is_finite():
            self._checkpoints.write(state.save())
