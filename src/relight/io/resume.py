"""Crash checkpoints: two files that take turns, so that one of them is whole whatever happens to the other.

Each is written to a temporary name, flushed to the disk and renamed, and carries the sha256 of its content. They
live in a folder named by all that the result depends on, outside the outputs: DVC removes outputs before a run.
"""

import fcntl
import hashlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any, Self

import torch

from relight.errors import InputError
from relight.io.artifacts import json_text
from relight.io.atomic import write_parts, write_text
from relight.io.runner.recorded import FINISHED, remove

About = dict[str, Any]  # nested mappings of names to what stands in JSON
Saved = dict[str, Any]

NAMES = ("even.checkpoint", "odd.checkpoint")
MOST_RUNS = 8  # of which checkpoints are kept


class Checkpoints:
    """Of one run.

    Args:
        root: the folder of all runs.
        about: all that the result depends on; the same content, the same run.
    """

    def __init__(self, root: Path, about: About) -> None:
        self._root, self._about = root, about
        text = json_text(about)
        self._folder = root / hashlib.sha256(text.encode()).hexdigest()[:32]
        self._turn = 0
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Take the folder, unless another process trains the same there: then nothing is kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock = lock
        except BlockingIOError:
            os.close(lock)
            _say("another process trains just this; no checkpoints are kept here")
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            if self._is_empty():
                remove(self._folder)
            os.close(self._lock)

    def newest(self) -> Saved | None:
        """The newest one that is whole; of each that is not, a word is said."""
        if self._lock is None:
            return None
        found = [read for name in NAMES if (read := _read(self._folder / name)) is not None]
        if not found:
            self._say_why_none()
            return None
        turn, saved = max(found, key=lambda read: read[0])
        self._turn = turn + 1
        return saved

    def write(self, saved: Saved) -> bool:
        """Write the next one; returns whether it was possible."""
        if self._lock is None:
            return False
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        content = b"%d\n%b" % (self._turn, buffer.getvalue())
        digest = hashlib.sha256(content).hexdigest().encode()
        try:
            write_text(self._folder / "about.json", json_text(self._about))
            write_parts(self._folder / NAMES[self._turn % 2], [digest, b"\n", content])
        except InputError as error:  # a full disk is no reason to end the training
            _say(f"{error}; trains on without a new checkpoint")
            return False
        self._turn += 1
        return True

    def finish(self, weights: Path) -> None:
        """The run has its result: once DVC has recorded it, `forget_recorded` removes the folder."""
        if not self._is_empty() and self._lock is not None:
            write_text(self._folder / FINISHED, hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest())
            _forget_oldest(self._root)

    def _is_empty(self) -> bool:
        return not any((self._folder / name).exists() for name in NAMES)

    def _say_why_none(self) -> None:
        """What has changed since the newest checkpoint of another run."""
        others = sorted(self._root.glob("*/about.json"), key=lambda path: path.stat().st_mtime_ns)
        others = [path for path in others if path.parent != self._folder and not (path.parent / FINISHED).exists()]
        if others:
            changed = ", ".join(differences(json.loads(others[-1].read_text(encoding="utf-8")), self._about))
            _say(f"starts anew: the checkpoints of an unfinished run are of other {changed}")


class KeptByTheFirst:
    """For the other ones of several processes: they keep nothing, and get from the first one what it has read."""

    def newest(self) -> Saved | None:
        return None

    def write(self, saved: Saved) -> bool:  # noqa: ARG002  # as of Checkpoints
        return True


def _forget_oldest(root: Path) -> None:
    folders = sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)
    for folder in folders[:-MOST_RUNS]:
        remove(folder)


def _read(path: Path) -> tuple[int, Saved] | None:
    """Its turn and what was saved; None where there is no file, or not a whole one."""
    try:
        digest, content = path.read_bytes().split(b"\n", 1)
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise ValueError("its bytes are not those that were written")
        turn, tensors = content.split(b"\n", 1)
        return int(turn), torch.load(io.BytesIO(tensors), map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except Exception as error:  # A torn or foreign file makes these raise anything; all of it means the same.
        what = str(error).split("\n")[0][:120]
        _say(f"{path}: is torn or foreign ({what}); the other one is used, or training starts anew")
        return None


def differences(old: About, new: About, where: str = "") -> list[str]:
    """The names whose values differ, as train.optimizer.learning_rate."""
    found: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, f"{where}{name}.")
        elif before != after:
            found.append(f"{where}{name}")
    return found


def _say(what: str) -> None:
    sys.stderr.write(f"train: {what}\n")
