"""What happens beside a training: it is shown, kept for the case of a crash, and stopped where it can go on."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from relight.io.agreement import Agreement
from relight.io.live_curves import LiveCurves
from relight.io.progress import Progress
from relight.io.resume import Checkpoints
from relight.io.runner.lifetime import PatientStop, Terminated


class State(Protocol):
    """A training under way.

    Attributes:
        history: a row for each epoch that is done.
    """

    epoch: int
    step: int
    history: Any

    def is_finite(self) -> bool: ...


Save = Callable[[Any], dict[str, Any]]


class Watching:
    """Between the steps: nothing that the result depends on."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        progress: Progress,
        curves: LiveCurves,
        stop: PatientStop,
        *,
        seconds: float,
        save: Save,
        agreement: Agreement | None = None,
    ) -> None:
        """
        Args:
            seconds: between two checkpoints.
            save: what is to be kept of the state.
            agreement: with the other processes, where there are some.
        """
        self._checkpoints, self._progress, self._curves, self._stop = checkpoints, progress, curves, stop
        self._save, self._agreement = save, agreement
        self._seconds = seconds
        self._due = time.monotonic() + seconds
        self._best = float("inf")

    def after_step(self, state: State) -> None:
        stops, is_due = self._stop.requested is not None, time.monotonic() >= self._due
        if self._agreement is not None:
            stops, is_due = self._agreement.on(stops, is_due)
        if stops or is_due:
            self._keep(state)
            self._due = time.monotonic() + self._seconds
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: State) -> None:
        done = state.history[-1]
        self._best = min(self._best, done.validation_score)
        self._progress.show(state.epoch, done.validation_loss, self._best)
        self._curves.show(state.history)
        if self._stop.requested is not None and self._agreement is None:  # several processes agree after a step
            self._keep(state)
            raise self._stop.requested

    def at_end(self, state: State) -> None:
        """A long run keeps its end, so that nothing is trained again before DVC has recorded it."""
        self._progress.close()
        if self._all(self._checkpoints.last not in (None, (state.epoch, state.step))):
            self._keep(state)

    def _keep(self, state: State) -> None:
        """What is no number is not worth keeping: the last good checkpoint stays."""
        if self._all(state.is_finite()):
            self._checkpoints.write(self._save(state))

    def _all(self, wish: bool) -> bool:
        return wish if self._agreement is None else self._agreement.all(wish)
