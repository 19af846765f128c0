"""Crash checkpoints of this repository: see io/resume.py, which writes them."""

import fcntl
import time
from pathlib import Path
from typing import NamedTuple

from relight.io.runner.recorded import FINISHED

CHECKPOINTS = Path(".dvc/tmp/relight/checkpoints")


class Kept(NamedTuple):
    """The checkpoints of one run.

    Attributes:
        days: since something was written there.
        is_finished: whether its model was written after them.
    """

    path: str
    n_bytes: int
    days: float
    is_finished: bool


def kept_checkpoints() -> list[Kept]:
    """Of runs that do not run now."""
    folders = sorted(path for path in CHECKPOINTS.glob("*") if path.is_dir())
    return [_kept(folder) for folder in folders if not _is_held(folder / "lock")]


def _kept(folder: Path) -> Kept:
    stats = [path.stat() for path in folder.iterdir()]
    newest = max([folder.stat().st_mtime, *(stat.st_mtime for stat in stats)])
    days = (time.time() - newest) / 86_400
    return Kept(str(folder), sum(stat.st_size for stat in stats), days, (folder / FINISHED).exists())


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
