"""The curves while they grow, for a person who watches; the whole file takes their place at the end."""

import time
from collections.abc import Sequence
from pathlib import Path

SECONDS = 1.0  # between two writes


class LiveCurves:
    """Appends the new epochs to a CSV file, now and then."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._path, self._header = path, header
        self._n_written = 0
        self._due = time.monotonic() + SECONDS

    def show(self, history: Sequence[Sequence[float]]) -> None:
        """All epochs so far, each a row."""
        if time.monotonic() < self._due:
            return
        lines = [",".join(str(value) for value in epoch) for epoch in history[self._n_written :]]
        head = [",".join(self._header)] if self._n_written == 0 else []
        with open(self._path, "a" if self._n_written else "w", encoding="utf-8") as file:
            file.write("\n".join([*head, *lines, ""]))
        self._n_written = len(history)
        self._due = time.monotonic() + SECONDS
