"""The processes of a repository, and their end, for tests of runs that are killed."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def at_work_in(root: Path) -> list[int]:
    """The pids of the processes in a folder or below it, the youngest first: all that its commands have started."""
    pids = sorted((int(name) for name in os.listdir("/proc") if name.isdecimal()), reverse=True)
    return [pid for pid in pids if folder_of(pid).is_relative_to(root)]


def folder_of(pid: int) -> Path:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:  # it has ended, or is another user's
        return Path("/")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # one that waited for another has ended with it
            os.kill(pid, number)


def wait_until(happened: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)


def wait_until_nobody_is_at_work_in(root: Path) -> None:
    wait_until(lambda: not at_work_in(root), seconds=120)


def remove_torn_rwlock(root: Path) -> None:
    """A kill may leave it empty, and DVC cannot read that."""
    rwlock = root / ".dvc/tmp/rwlock"
    if rwlock.exists() and rwlock.stat().st_size == 0:
        rwlock.unlink()
