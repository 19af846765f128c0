"""Callbacks of a training: they show its progress, write its curves, save checkpoints, obey a stop.

Nothing here changes the result.
"""

import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from relight.model.monitor import USUAL_SCORE, Monitor
from relight.runtime.lifetime import DeferredStop, Terminated
from relight.runtime.messages import notify, pluralize
from relight.train.checkpoints import Checkpoints
from relight.train.distributed.process_group import StopConsensus
from relight.train.params import TrainParams
from relight.train.state import EpochRecord

SECONDS_BETWEEN_WRITES = 1.0
N_LOG_LINES = 10


class LiveCurves:
    """Appends new epochs to a CSV file, at most once a second; the complete file replaces it at the end."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path, self._header = path, header
        self._n_written = 0
        self._due = time.monotonic() + SECONDS_BETWEEN_WRITES

    def update(self, history: Sequence[Sequence[float]]) -> None:
        """Write those of the epochs that are new; each is a row."""
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
    """Shows the progress of a training on standard error: a bar at a terminal, a few plain lines in a pipe or a log.

    Args:
        n_rows: of an epoch.
        done: epochs before a checkpoint; they count as done, but not for the speed.
    """

    def __init__(self, epochs: int, n_rows: int, done: int = 0) -> None:
        self._epochs, self._n_rows, self._first = epochs, n_rows, done
        self._start = time.monotonic()
        self._every = max(1, -(-epochs // N_LOG_LINES))
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", leave=False) if sys.stderr.isatty() else None

    def update(self, done: int, loss: float, best: float, score: str) -> None:
        """Show the progress after an epoch.

        Args:
            done: the number of epochs so far.
            loss: of the validation rows.
            best: the best validation score so far.
            score: the name of it, as `accuracy`.
        """
        if self._bar is not None:
            postfix = {
                "validation loss": f"{loss:.4g}",
                f"best {score}": f"{best:.4g}",
                "rows/s": f"{self.rows_per_second(done):,.0f}",
            }
            self._bar.set_postfix(postfix, refresh=False)
            self._bar.update()
        elif done % self._every == 0 or done == self._epochs:
            notify(
                f"epoch {done} of {self._epochs}: validation loss {loss:.4g}, best {score} {best:.4g}, "
                f"{self.rows_per_second(done):,.0f} rows/s, {_duration_text(self._seconds_left(done))} left"
            )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()

    def rows_per_second(self, done: int) -> float:
        """Return the train rows per second, with everything else that an epoch takes."""
        return (done - self._first) * self._n_rows / self.seconds

    def speed_summary(self, done: int) -> dict[str, float]:
        """Return what this process did, without the epochs before a checkpoint."""
        return {
            "epochs": done - self._first,
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second(done)),
        }

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return max(time.monotonic() - self._start, 1e-9)

    def _seconds_left(self, done: int) -> float:
        return self.seconds / (done - self._first) * (self._epochs - done)


def _duration_text(seconds: float) -> str:
    """Return the duration as 42 s, 3 min or 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class RunningTraining(Protocol):
    """A training under way, as the callbacks see it.

    Attributes:
        history: a row for each epoch that is done.
    """

    epoch: int
    step: int
    history: Any

    def is_finite(self) -> bool: ...

    def save(self) -> dict[str, Any]: ...


class MainProcessCallback:
    """Shows the progress and saves checkpoints; in the first process, or the only one."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        progress: Progress,
        curves: LiveCurves,
        stop: DeferredStop,
        *,
        seconds: float,
        agreement: StopConsensus | None = None,
        monitor: Monitor = USUAL_SCORE,
        score: str,
    ) -> None:
        """
        Args:
            seconds: between two checkpoints.
            agreement: with the other processes, if there are any.
            monitor: which way the validation score is better.
            score: the name of the validation score, as it is shown.
        """
        self._checkpoints, self._progress, self._curves, self._stop = checkpoints, progress, curves, stop
        self._agreement, self._seconds = agreement, seconds
        self._due = time.monotonic() + seconds
        self._monitor, self._score = monitor, score
        self._best: float | None = None

    def after_step(self, state: RunningTraining) -> None:
        stops, is_due = self._stop.requested is not None, time.monotonic() >= self._due
        if self._agreement is not None:
            stops, is_due = self._agreement.poll_any(stops, is_due)
        if stops or is_due:
            self._save(state)
            self._due = time.monotonic() + self._seconds
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: RunningTraining) -> None:
        done = state.history[-1]
        best = self._best_score(done.validation_score)
        self._progress.update(state.epoch, done.validation_loss, best, self._score)
        self._curves.update(state.history)
        if self._stop.requested is not None and self._agreement is None:  # several processes agree after a step
            self._save(state)
            raise self._stop.requested

    def _best_score(self, score: float) -> float:
        self._best = score if self._best is None else min(self._best, score, key=self._monitor.as_loss)
        return self._best

    def at_end(self, state: RunningTraining) -> None:
        """Save the end of a long training, so that it is not trained again if it is stopped before DVC records it."""
        self._progress.close()
        if self._all(self._checkpoints.last_position not in (None, (state.epoch, state.step))):
            self._save(state)

    def _save(self, state: RunningTraining) -> None:
        """Write a checkpoint, unless something is not finite: then the last good one stays."""
        if self._all(state.is_finite()):
            self._checkpoints.write(state.save())

    def _all(self, wish: bool) -> bool:
        return wish if self._agreement is None else self._agreement.all(wish)


def ending_notes(history: Sequence[EpochRecord], best_epoch: int, params: TrainParams) -> list[str]:
    """Return what a person should know about the end of a training: why it stopped early, and that the loss grew.

    Args:
        best_epoch: the one whose weights are kept, from 0.
    """
    notes, first, last = [], history[0], history[-1]
    if params.early_stopping and len(history) < params.epochs:
        notes.append(
            f"train: stopped after {len(history)} of {params.epochs} epochs, because {params.early_stopping.patience} "
            f"brought no better score; the weights are those after {pluralize(best_epoch + 1, 'epoch')}"
        )
    if last.train_loss > first.train_loss:
        notes.append(
            f"note: the train loss grew from {first.train_loss:.4g} to {last.train_loss:.4g}; a smaller "
            f"train.optimizer.learning_rate may help, as a tenth of {first.learning_rate:g}"
        )
    return notes


class WorkerCallback:
    """Takes part in each checkpoint and stop of the first process; in the other processes."""

    def __init__(self, stop: DeferredStop, agreement: StopConsensus) -> None:
        self._stop, self._agreement = stop, agreement

    def after_step(self, state: RunningTraining) -> None:
        stops, is_due = self._agreement.poll_any(self._stop.requested is not None, False)
        if stops or is_due:
            self._save(state)
        if stops:
            raise self._stop.requested or Terminated()

    def after_epoch(self, state: RunningTraining) -> None: ...

    def at_end(self, state: RunningTraining) -> None:
        if self._agreement.all(True):  # the first one decides
            self._save(state)

    def _save(self, state: RunningTraining) -> None:
        if self._agreement.all(state.is_finite()):
            state.save()  # its part goes to the first process
