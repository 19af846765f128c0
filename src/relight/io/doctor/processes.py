"""Which processes live, and what they are."""

from pathlib import Path
from typing import NamedTuple

import psutil


class Process(NamedTuple):
    """
    Attributes:
        words: its command line; of a process that is dead and waits for its parent, none.
        folder: where it works; None where the system does not say.
        started: seconds since 1970.
    """

    pid: int
    words: tuple[str, ...]
    folder: str | None
    started: float


def processes() -> list[Process]:
    """All of this machine that can be asked."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "create_time"]):
        said = process.info
        found.append(Process(said["pid"], tuple(said["cmdline"] or ()), said["cwd"], said["create_time"] or 0.0))
    return found


def is_within(folder: str | None, root: Path) -> bool:
    """Whether a process works there; where the system does not say, it may."""
    return folder is None or Path(folder).is_relative_to(root)
