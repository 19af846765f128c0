"""The places of the processes of a sweep on this machine: who holds one is alive, and the kernel says so."""

import fcntl
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from relight.io.holding import hold

Alive = Literal["alive", "dead", "unknown"]


class Slot(NamedTuple):
    """
    Attributes:
        number: from 0; no other process on this machine has it.
        holder: who holds it, a word that never comes twice.
        path: of the lock.
    """

    number: int
    holder: str
    path: Path

    def owner(self) -> dict[str, str]:
        return {"host": socket.gethostname(), "slot": str(self.path), "holder": self.holder}


@contextmanager
def slot(folder: Path) -> Iterator[Slot]:
    """The first free one, for the block. The kernel frees it when the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while (file := hold(folder.resolve() / f"{number}.lock")) is None:
        number += 1
    try:
        holder = uuid.uuid4().hex
        os.ftruncate(file, 0)
        os.pwrite(file, holder.encode(), 0)
        yield Slot(number, holder, folder.resolve() / f"{number}.lock")
    finally:
        os.close(file)


def look(owner: dict[str, str]) -> Alive:
    """Whether the process that held a slot still does; of another machine it is not known."""
    path = Path(owner["slot"])
    if owner["host"] != socket.gethostname() or not path.exists():
        return "unknown"
    if path.read_text(encoding="utf-8") != owner["holder"]:
        return "dead"
    file = hold(path)
    if file is None:
        return "alive"
    os.close(file)
    return "dead"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Within the block no other process on this machine is in its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
