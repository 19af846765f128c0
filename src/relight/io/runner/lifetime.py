"""A stage ends when it is told to, and when the process that started it dies.

Without this, a killed `dvc repro` leaves the training process behind, and a second `dvc repro`
caches a mixture of both runs with exit code 0.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Self

_PR_SET_PDEATHSIG = 1
_SECONDS_BETWEEN_LOOKS = 0.5
PARENT_DIED = 143
PARENT = "RELIGHT_PARENT"  # the pid of a parent that may have died before this process could ask


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt, it is no `Exception`: nothing but the runner catches it.

    What it is made with is said to the person.
    """


class PatientStop:
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
    parent = int(os.environ.get(PARENT, os.getppid()))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if _is_orphan():
        os._exit(PARENT_DIED)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _is_orphan() -> bool:
    """Whether dvc started this process and died before it could ask, while it imported torch, say.

    Another process is the parent by then, and which one it was before nobody knows (Linux alone tells what it is).
    """
    if "DVC_STAGE" not in os.environ or PARENT in os.environ:
        return False
    try:
        command = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    except OSError:
        return False
    return b"dvc" not in command and b"python" not in command


def _on_sigterm(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    # The main thread may be deep in native code: nothing is written yet, so end here and now.
    os._exit(PARENT_DIED)
