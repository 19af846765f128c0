"""Disks that fail and processes that die at the nth moment of writing a file, for tests."""

import builtins
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from relight.runtime import files

Fault = Callable[[], None]


class Killed(BaseException):
    """An exception that nothing catches."""


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def killed() -> None:
    raise Killed


def killed_at_once() -> None:
    """End the process as kill -9 does: nothing is tidied up."""
    os._exit(9)


class Moments:
    """Each open, write, fsync and replace of runtime/files.py is one moment; at the nth one the fault happens."""

    def __init__(self, fault: Fault, at: int) -> None:
        self.passed, self._fault, self._at = 0, fault, at

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "open", self._open, raising=False)
        monkeypatch.setattr(os, "fsync", self._before(os.fsync))
        monkeypatch.setattr(os, "replace", self._before(os.replace))

    def _before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.passed += 1
            if self.passed == self._at:
                self._fault()
            return call(*arguments, **named)

        return counted

    def _open(self, *arguments: Any, **named: Any) -> Any:
        file = self._before(builtins.open)(*arguments, **named)
        return Writing(file, self._before(file.write))


@contextmanager
def faulty(fault: Fault, at: int) -> Iterator[Moments]:
    """A block in which the fault happens at the nth moment, counted from 1."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        moments = Moments(fault, at)
        moments.watch(monkeypatch)
        yield moments


class Writing:
    """A file whose `write` is watched."""

    def __init__(self, file: Any, write: Callable[..., Any]) -> None:
        self._file, self.write = file, write

    def __enter__(self) -> "Writing":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
