"""Progress, live curves, checkpoint timing.

The curves while they grow, for a person who watches; the whole file takes their place at the end.

How far a training is: a bar for a person at a terminal, a few plain lines for a pipe or a log.

What happens beside a training: it is shown, kept for the case of a crash, and stopped where it can go on.

Beside a training, in the processes that are not the first: they hear when it keeps a checkpoint, or stops.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from relight.runtime.lifetime import DeferredStop, Terminated
from relight.runtime.messages import notify
from relight.train.checkpoints import Checkpoints
from relight.train.distributed.process_group import StopConsensus

SECONDS_BETWEEN_WRITES = 1.0  # between two writes
N_LOG_LINES = 10
SaveState = Callable[[Any], dict[str, Any]]


class LiveCurves:
    """Appends the new epochs to a CSV file, now and then."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path, self._header = path, header
        self._n_written = 0
        self._due = time.monotonic() + SECONDS_BETWEEN_WRITES

    def update(self, history: Sequence[Sequence[float]]) -> None:
        """All epochs so far, each a row."""
        if time.monotonic() < self._due:
            return
        lines = [",".join(str(value) for value in epoch) for epoch in history[self._n_written :]]
        head = [",".join(self._header)] if self._n_written == 0 else []
        try:
            self._append("\n".join([*head, *lines, ""]))
        except OSError as error:
            notify(f"train: {self._path}: cannot be written: {error.strerror}; trains on without it")
            self._due = math.inf
            return
        self._n_written = len(history)
        self._due = time.monotonic() + SECONDS_BETWEEN_WRITES

    def _append(self, text: str) -> None:
        if self._n_written == 0:
            self._path.unlink(missing_ok=True)  # it may be a link into DVC's cache
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(text)


class Progress:
    """Of epochs of so many rows each, on standard error.

    Args:
        done: epochs that a checkpoint brought along; they count as done, not as fast.
    """

    def __init__(self, epochs: int, n_rows: int, done: int = 0) -> None:
        self._epochs, self._n_rows, self._first = epochs, n_rows, done
        self._start = time.monotonic()
        self._every = max(1, -(-epochs // N_LOG_LINES))
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", leave=False) if sys.stderr.isatty() else None

    def update(self, done: int, loss: float, best: float) -> None:
        """After each epoch.

        Args:
            done: epochs so far.
            loss: of the validation rows.
            best: validation score so far.
        """
        if self._bar is not None:
            postfix = {"loss": f"{loss:.4g}", "best": f"{best:.4g}", "rows/s": f"{self.rows_per_second(done):,.0f}"}
            self._bar.set_postfix(postfix, refresh=False)
            self._bar.update()
        elif done % self._every == 0 or done == self._epochs:
            notify(
                f"epoch {done} of {self._epochs}: loss {loss:.4g}, best {best:.4g}, "
                f"{self.rows_per_second(done):,.0f} rows/s, {_duration_text(self._seconds_left(done))} left"
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def rows_per_second(self, done: int) -> float:
        """Train rows, with all that an epoch costs beside them."""
        return (done - self._first) * self._n_rows / self.seconds

    def speed_summary(self, done: int) -> dict[str, float]:
        """What this run did by itself, in figures."""
        return {
            "epochs": done - self._first,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second(done)),
        }

    @property
    def seconds(self) -> float:
        """Since the start."""
        return max(time.monotonic() - self._start, 1e-9)

    def _seconds_left(self, done: int) -> float:
        return self.seconds / (done - self._first) * (self._epochs - done)


def _duration_text(seconds: float) -> str:
    """As 42 s, 3 min or 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class RunningTraining(Protocol):
    """A training under way.

    Attributes:
        history: a row for each epoch that is done.
    """

    epoch: int
    step: int
    history: Any

    def is_finite(self) -> bool: ...


class MainProcessCallback:
    """Between the steps: nothing that the result depends on."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        progress: Progress,
        curves: LiveCurves,
        stop: DeferredStop,
        *,
        seconds: float,
        save: SaveState,
        agreement: StopConsensus | None = None,
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

    def after_step(self, state: RunningTraining) -> None:
        stops, is_due = self._stop.requested is not None, time.monotonic() >= self._due
        if self._agreement is not None:
            stops, is_due = self._agreement.poll_any(stops, is_due)
        if stops or is_due:
            self._keep(state)
            self._due = time.monotonic() + self._seconds
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: RunningTraining) -> None:
        done = state.history[-1]
        self._best = min(self._best, done.validation_score)
        self._progress.update(state.epoch, done.validation_loss, self._best)
        self._curves.update(state.history)
        if self._stop.requested is not None and self._agreement is None:  # several processes agree after a step
            self._keep(state)
            raise self._stop.requested

    def at_end(self, state: RunningTraining) -> None:
        """A long run keeps its end, so that nothing is trained again before DVC has recorded it."""
        self._progress.close()
        if self._all(self._checkpoints.last_position not in (None, (state.epoch, state.step))):
            self._keep(state)

    def _keep(self, state: RunningTraining) -> None:
        """What is no number is not worth keeping: the last good checkpoint stays."""
        if self._all(state.is_finite()):
            self._checkpoints.write(self._save(state))

    def _all(self, wish: bool) -> bool:
        return wish if self._agreement is None else self._agreement.all(wish)


class WorkerCallback:
    """Says what differs in this process, where the first one keeps it."""

    def __init__(self, stop: DeferredStop, agreement: StopConsensus, save: SaveState) -> None:
        self._stop, self._agreement, self._save = stop, agreement, save

    def after_step(self, state: RunningTraining) -> None:
        stops, keeps = self._agreement.poll_any(self._stop.requested is not None, False)
        if stops or keeps:
            self._keep(state)
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: RunningTraining) -> None: ...

    def at_end(self, state: RunningTraining) -> None:
        if self._agreement.all(True):  # the first one decides
            self._keep(state)

    def _keep(self, state: RunningTraining) -> None:
        if self._agreement.all(state.is_finite()):
            self._save(state)
