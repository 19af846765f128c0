"""Signals, dead parents, file locks.

A file that one process holds at a time; the kernel frees it when the process ends, however it ends.

A stage ends when it is told to, and when the process that started it dies.

Without this, a killed `dvc repro` leaves the training process behind, and a second `dvc repro`
caches a mixture of both runs with exit code 0.

One stage at a time in a workspace; who holds the lock is written in it.
"""

import ctypes
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

from relight.errors import RunError

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5
PARENT_DIED_CODE = 143
PARENT_VARIABLE = "RELIGHT_PARENT"  # the pid of a parent that may have died before this process could ask


def try_lock(path: Path) -> int | None:
    """The open file, which is held until it is closed; None where another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, it is no `Exception`: nothing but the runner catches it.

    What it is made with is said to the person.
    """


class DeferredStop:
    """Within the block SIGTERM and Ctrl-C wait to be asked for; a second one does not.

    Attributes:
        requested: what is to be raised once the work is in a state that can be left.
    """

    def __init__(self) -> None:
        self.requested: Terminated | KeyboardInterrupt | None = None

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is None and self.requested is not None:
            raise self.requested

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.requested is not None:
            raise self.requested
        self.requested = KeyboardInterrupt() if number == signal.SIGINT else Terminated()


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM at the parent's death (Linux), and look for it (everywhere)."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    parent = int(os.environ.get(PARENT_VARIABLE, os.getppid()))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if _is_orphan():
        os._exit(PARENT_DIED_CODE)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _is_orphan() -> bool:
    """Whether dvc started this process and died before it could ask, while it imported torch, say.

    Another process is the parent by then, and which one it was before nobody knows (Linux alone tells what it is).
    """
    if "DVC_STAGE" not in os.environ or PARENT_VARIABLE in os.environ:
        return False
    try:
        command = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    except OSError:
        return False
    return b"dvc" not in command and b"python" not in command


def _on_sigterm(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    # The main thread may be deep in native code: nothing is written yet, so end here and now.
    os._exit(PARENT_DIED_CODE)


@contextmanager
def single_instance(path: Path, stage: str) -> Iterator[None]:
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
