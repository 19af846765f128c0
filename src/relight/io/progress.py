"""How far a training is: a bar for a person at a terminal, a few plain lines for a pipe or a log."""

import sys
import time

from tqdm import tqdm

LINES = 10


class Progress:
    """Of epochs of so many rows each, on standard error.

    Args:
        done: epochs that a checkpoint brought along; they count as done, not as fast.
    """

    def __init__(self, epochs: int, n_rows: int, done: int = 0) -> None:
        self._epochs, self._n_rows, self._first = epochs, n_rows, done
        self._start = time.monotonic()
        self._every = max(1, -(-epochs // LINES))
        self._bar = tqdm(total=epochs, initial=done, unit="epoch", leave=False) if sys.stderr.isatty() else None

    def show(self, done: int, loss: float, best: float) -> None:
        """After each epoch.

        Args:
            done: epochs so far.
            loss: of the validation rows.
            best: validation score so far.
        """
        if self._bar is not None:
            said = {"loss": f"{loss:.4g}", "best": f"{best:.4g}", "rows/s": f"{self.rows_per_second(done):,.0f}"}
            self._bar.set_postfix(said, refresh=False)
            self._bar.update()
        elif done % self._every == 0 or done == self._epochs:
            sys.stderr.write(
                f"epoch {done} of {self._epochs}: loss {loss:.4g}, best {best:.4g}, "
                f"{self.rows_per_second(done):,.0f} rows/s, {_time(self._seconds_left(done))} left\n"
            )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def rows_per_second(self, done: int) -> float:
        """Train rows, with all that an epoch costs beside them."""
        return (done - self._first) * self._n_rows / self.seconds

    def facts(self, done: int) -> dict[str, float]:
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


def _time(seconds: float) -> str:
    """As 42 s, 3 min or 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
