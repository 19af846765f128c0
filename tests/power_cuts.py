"""The files that a power cut may leave of what runtime/files.py writes, for tests.

They are recorded once and replayed up to each moment: of bytes that were not flushed any beginning may be there, and a
name that was not flushed may be lost (Pillai and others, "All File Systems Are Not Created Equal", 2014).
"""

import builtins
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from relight.runtime import files
from tests.faults import Writing

Files = dict[Path, bytes]


class Event(NamedTuple):
    """
    Attributes:
        kind: "open" anew, "write" of bytes, "flush" of a file or of the names in a folder, or "rename".
        target: the new name.
    """

    kind: str
    path: Path
    content: bytes = b""
    target: Path = Path()


@dataclass
class File:
    """One that was opened anew, after some events.

    Attributes:
        target: what it was renamed to, if it was.
    """

    path: Path
    content: bytes = b""
    is_flushed: bool = False
    target: Path | None = None
    is_name_flushed: bool = False

    def possible(self) -> list[tuple[Path, bytes]]:
        """The paths that a file may have after a cut, and its possible contents."""
        paths = [self.path] if self.target is None else [self.target]
        if self.target is not None and not self.is_name_flushed:
            paths.append(self.path)
        lengths = {len(self.content)} if self.is_flushed else {0, len(self.content) // 2, len(self.content)}
        return [(path, self.content[:length]) for path in paths for length in sorted(lengths)]


class Recording(list[Event]):
    """The record of what happens to the files of runtime/files.py, in order."""

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._fsync, self._replace = os.fsync, os.replace
        monkeypatch.setattr(files, "open", self._opened, raising=False)
        monkeypatch.setattr(os, "fsync", self._flushed)
        monkeypatch.setattr(os, "replace", self._renamed)

    def _opened(self, path: Path, mode: str, **named: Any) -> Any:
        file = builtins.open(path, mode, **named)  # noqa: SIM115  # `Writing` closes it
        self.append(Event("open", path))

        def write(content: bytes) -> int:
            self.append(Event("write", path, bytes(content)))
            return file.write(content)

        return Writing(file, write)

    def _flushed(self, descriptor: int) -> None:
        self._fsync(descriptor)
        self.append(Event("flush", Path(os.readlink(f"/proc/self/fd/{descriptor}"))))

    def _renamed(self, path: str | Path, target: Path) -> None:
        self._replace(path, target)
        self.append(Event("rename", Path(path), target=target))


@contextmanager
def recorded() -> Iterator[Recording]:
    """A block of which all is recorded."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        recording = Recording()
        recording.watch(monkeypatch)
        yield recording


def after_a_cut(events: list[Event], before: Files) -> Iterator[Files]:
    """Every state that a disk may be in on which `events` was all that happened.

    Args:
        before: what was on it, flushed.
    """
    for places in product(*(file.possible() for file in _files_after(events))):
        yield before | dict(places)


def _files_after(events: list[Event]) -> list[File]:
    files: list[File] = []
    for event in events:
        if event.kind == "open":
            files.append(File(event.path))
            continue
        for file in files:
            if event.kind == "flush" and file.target is not None and file.target.parent == event.path:
                file.is_name_flushed = True
        of_path = [file for file in files if file.path == event.path and file.target is None]
        for file in of_path[-1:]:
            _apply(event, file)
    return files


def _apply(event: Event, file: File) -> None:
    if event.kind == "write":
        file.content, file.is_flushed = file.content + event.content, False
    elif event.kind == "flush":
        file.is_flushed = True
    else:
        file.target = event.target


def lay_down(files: Files, old_root: Path, new_root: Path) -> None:
    """Write the files of a folder into another one."""
    for path, content in files.items():
        place = new_root / path.relative_to(old_root)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def files_in(folder: Path) -> Files:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
