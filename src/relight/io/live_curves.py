"""The curves while they grow, for a person who watches; the whole file takes their place at the end."""

import math
import sys
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
        try:
            self._append("\n".join([*head, *lines, ""]))
        except OSError as error:
            sys.stderr.write(f"train: {self._path}: cannot be written: {error.strerror}; trains on without it\n")
            self._due = math.inf
            return
        self._n_written = len(history)
        self._due = time.monotonic() + SECONDS

    def _append(self, text: str) -> None:
        if self._n_written == 0:
            self._path.unlink(missing_ok=True)  # it may be a link into DVC's cache
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(text)
