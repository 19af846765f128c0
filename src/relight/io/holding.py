"""A file that one process holds at a time; the kernel frees it when the process ends, however it ends."""

import fcntl
import os
from pathlib import Path


def hold(path: Path) -> int | None:
    """The open file, which is held until it is closed; None where another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
