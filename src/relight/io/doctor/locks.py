"""DVC's rwlock files and our lock of the stages, as they lie there."""

import fcntl
import json
from pathlib import Path
from typing import Any, NamedTuple

RWLOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
STAGES = Path(".dvc/tmp/relight/lock")


class RwLock(NamedTuple):
    """
    Attributes:
        owners: the command of each process in it by its pid; None where it cannot be read.
        written: seconds since 1970.
    """

    path: str
    owners: dict[int, str] | None
    written: float


def read_rwlocks() -> list[RwLock]:
    return [RwLock(str(path), _owners(path), path.stat().st_mtime) for path in RWLOCKS if path.exists()]


def holder_of_stages() -> str | None:
    """What stands in the lock of the stages, where a process holds it."""
    if not STAGES.exists():
        return None
    with open(STAGES, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip()
    return None


def _owners(path: Path) -> dict[int, str] | None:
    """The shape that dvc/rwlock.py asks for: one writer or a list of readers of each file."""
    try:
        content = json.loads(path.read_bytes())
        infos: list[dict[str, Any]] = list(content.get("write", {}).values())
        infos += [info for readers in content.get("read", {}).values() for info in readers]
        return {int(info["pid"]): str(info["cmd"]) for info in infos if info}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
