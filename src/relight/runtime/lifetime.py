"""The lifetime of a process, and the locks that it holds until it ends.

A stage ends when it gets a signal, and when the process that started it dies: otherwise a killed `dvc repro` leaves
the training process behind, and a second `dvc repro` caches a mixture of both runs with exit code 0.
A lock is a file that one process holds at a time; the kernel frees it when the process ends, however it ends.
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


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; its argument is shown to the user.

    Like KeyboardInterrupt it is no `Exception`: only the runner catches it.
    """


class DeferredStop:
    """Postpones SIGTERM and Ctrl-C to the end of the block; a second one interrupts at once.

    Attributes:
        requested: the exception to raise when the work has reached a state that it can be left in.
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
    """Ask the kernel for SIGTERM when the parent dies (Linux), and poll for it (everywhere)."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    parent = int(os.environ.get(PARENT_VARIABLE, os.getppid()))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if _is_orphan():
        os._exit(PARENT_DIED_CODE)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


@contextmanager
def stops_raise() -> Iterator[None]:
    """Raise Terminated in the block for a SIGTERM or SIGHUP that would end the process at once, so that it can tidy up.

    Only the main thread can; in another one nothing changes.
    """
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers if is_main else []:
        signal.signal(number, _on_sigterm)
    try:
        yield
    finally:
        for number in numbers if is_main else []:
            signal.signal(number, signal.SIG_DFL)


def _is_orphan() -> bool:
    """Return whether dvc started this process and died before `end_with_parent`, for instance while torch was imported.

    The parent is another process by then; only Linux tells what it is.
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


def try_lock(path: Path) -> int | None:
    """Return the open file, which holds the lock until it is closed; None if another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def is_locked(path: Path) -> bool:
    """Return whether another process holds the lock, without taking it from one that tries."""
    if not path.exists():
        return False
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Wait for the lock, and hold it for the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def single_instance(path: Path, stage: str) -> Iterator[None]:
    """Hold the lock for the block, with the stage and pid written in it.

    Raises:
        RunError: if another process holds it, with its stage and pid.
    """
    file = try_lock(path)
    if file is None:
        holder = path.read_text(encoding="utf-8").strip()
        raise RunError(
            f"{stage}: another stage still runs in this folder ({holder}); wait for it, or end it with `kill PID`"
        )
    try:
        os.ftruncate(file, 0)
        os.write(file, f"{stage}, pid {os.getpid()}".encode())
        yield
    finally:
        os.close(file)
