"""Optuna's journal in a file that a kill leaves whole.

Its own lock is a link that outlives a killed process for 30 seconds, and a line that was cut short makes every later
read fail. Here the kernel frees the lock, and whoever writes next cuts off such a line. The disk is not waited for:
a machine that loses its power may lose the last seconds, and their trials run again.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend


class KillableJournal(JournalFileBackend):
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path))
        self._path = path
        self.append_logs([])  # a last line that was cut short must not be read first

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with open(self._path, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(_whole_bytes(file.fileno()))
            file.truncate()
            file.write(text.encode())


def _whole_bytes(file: int) -> int:
    """How much of it is whole lines."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 65_536)
        place = os.pread(file, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
