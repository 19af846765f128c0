"""One stage at a time in a workspace; who holds the lock is written in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relight.errors import RunError


@contextmanager
def only_one(path: Path, stage: str) -> Iterator[None]:
    """Hold the lock for the block. The kernel frees it when the process ends, however it ends.

    Raises:
        RunError: when another process holds it, with its stage and pid.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise RunError(
                f"{stage}: another stage still runs in this folder ({file.read().strip()}); "
                "wait for it, or end it with `kill PID`"
            ) from error
        file.truncate(0)
        file.write(f"{stage}, pid {os.getpid()}")
        file.flush()
        yield
