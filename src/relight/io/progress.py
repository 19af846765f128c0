"""How far a training is: a bar for a person at a terminal, a few plain lines for a pipe or a log."""

import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from tqdm import tqdm

LINES = 10


class Shown(NamedTuple):
    """What a line says of the last epoch."""

    loss: float
    best: float
    rows_per_second: float


class Progress:
    """Of so many epochs of so many rows, on standard error."""

    def __init__(self, epochs: int, n_rows: int, done: int = 0) -> None:
        self._epochs, self._n_rows, self._done = epochs, n_rows, done
        self._first, self._start = done, time.monotonic()
        self._best = float("inf")
        self._every = max(1, -(-epochs // LINES))
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", leave=False) if sys.stderr.isatty() else None

    def show(self, history: Sequence[Sequence[float]]) -> None:
        """After each epoch; its row is (epoch, train loss, validation loss, validation score, rate)."""
        self._best = min(self._best, history[-1][3])
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix(self._shown(history)._asdict(), refresh=False)
            self._bar.update()
        elif self._done % self._every == 0 or self._done == self._epochs:
            shown = self._shown(history)
            sys.stderr.write(
                f"epoch {self._done} of {self._epochs}: loss {shown.loss:.4g}, best {shown.best:.4g}, "
                f"{shown.rows_per_second:,.0f} rows/s, {self._seconds_left():.0f} s left\n"
            )

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _shown(self, history: Sequence[Sequence[float]]) -> Shown:
        seconds = max(time.monotonic() - self._start, 1e-9)
        return Shown(history[-1][2], self._best, (self._done - self._first) * self._n_rows / seconds)

    def _seconds_left(self) -> float:
        seconds = time.monotonic() - self._start
        return seconds / (self._done - self._first) * (self._epochs - self._done)
