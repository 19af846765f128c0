"""Crash checkpoints: two files that take turns, so that one of them is intact whatever happens to the other.

Each is written to a temporary name, flushed to the disk and renamed, and begins with the sha256 of its content. Their
folder is named by everything that the result depends on, and is no output, because DVC removes outputs before a run.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch

from relight.data.torch_archive import load_archive
from relight.errors import InputError, RunError
from relight.runtime.files import (
    TEMPORARY_PREFIX,
    json_text,
    memory_bytes,
    read_json,
    read_regular,
    write_parts,
    write_text,
)
from relight.runtime.lifetime import Terminated, try_lock
from relight.runtime.messages import notify
from relight.runtime.nested import RunIdentity, differing_keys
from relight.runtime.processes import Rank
from relight.runtime.runner import FINISHED_NAME, remove_folder

CheckpointContent = dict[str, Any]
LOCK_NAME = "lock"
CHECKPOINT_NAMES = ("even.checkpoint", "odd.checkpoint")
IDENTITY_NAME = "about.json"
MAX_KEPT_RUNS = 8  # whose checkpoints are kept


def open_checkpoints(
    root: Path, identity: RunIdentity, rank: Rank | None
) -> AbstractContextManager["Checkpoints | None"]:
    """Return the checkpoints of this run, in the first process; None in the others."""
    return Checkpoints(root, identity) if rank is None or rank.rank == 0 else nullcontext()


class TrainingPosition(NamedTuple):
    """The next step of a training: epoch and step, counted from 0."""

    epoch: int
    step: int

    def __str__(self) -> str:
        return f"epoch {self.epoch}, step {self.step}"


class Checkpoints:
    """The checkpoints of one run. If they cannot be written, a warning is printed and training continues.

    Args:
        root: the folder of all runs.
        identity: everything that the result depends on; the same content, the same run.

    Attributes:
        last_position: where the newest good checkpoint would continue.
    """

    def __init__(self, root: Path, identity: RunIdentity) -> None:
        self._root, self._identity = root, identity
        text = json_text(identity)
        self._folder = root / hashlib.sha256(text.encode()).hexdigest()[:32]
        self._turn = 0
        self._lock: int | None = None
        self.last_position: TrainingPosition | None = None

    def __enter__(self) -> Self:
        """Lock the folder; if another process trains the same there, nothing is kept."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = try_lock(self._folder / LOCK_NAME)
            if self._lock is None:
                notify("train: another process trains just this; no checkpoints are kept here")
            else:
                self._clean()
        except OSError as error:
            notify(f"train: {self._folder}: {error.strerror}; trains on, no checkpoints are kept")
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if self._lock is not None:
            if self._is_empty():
                remove_folder(self._folder)
            os.close(self._lock)
        with suppress(OSError):  # other runs have theirs in it
            self._root.rmdir()
        if self.last_position is not None:
            self._note_last_checkpoint(error)

    def latest(self, epochs: int) -> CheckpointContent | None:
        """Return the newest intact checkpoint within `epochs`; warn about each one skipped."""
        if self._lock is None:
            return None
        paths = [self._folder / name for name in CHECKPOINT_NAMES]
        candidates = [checkpoint for path in paths if (checkpoint := _read_checkpoint(path)) is not None]
        for turn, position, saved in sorted(candidates, key=lambda one: one[0], reverse=True):
            if position <= (epochs, 0):
                self._turn, self.last_position = turn + 1, position
                return saved
            notify(f"train: a checkpoint at {position} lies beyond train.epochs ({epochs}), and is not used")
        if not self._is_empty():
            notify("train: starts anew")
        else:
            with suppress(OSError):  # only a warning
                self._warn_why_none()
        return None

    def write(self, saved: CheckpointContent) -> bool:
        """Write the next checkpoint; return whether it was possible."""
        if self._lock is None:
            return False
        buffer = io.BytesIO()
        torch.save(saved, buffer)
        try:
            self._write_identity()
            write_parts(
                self._folder / CHECKPOINT_NAMES[self._turn % 2], _checkpoint_bytes(self._turn, buffer.getbuffer())
            )
        except (InputError, OSError) as error:  # a full disk is no reason to end the training
            notify(f"train: {error}; trains on without a new checkpoint")
            return False
        self._turn, self.last_position = self._turn + 1, TrainingPosition(saved["epoch"], saved["step"])
        return True

    def finish(self, weights: Path) -> None:
        """Note that the run has its result; once DVC has recorded it, `remove_recorded_checkpoints` removes them."""
        if self._lock is not None and not self._is_empty():
            digest = hashlib.md5(weights.read_bytes(), usedforsecurity=False).hexdigest()
            with suppress(InputError):  # a full disk: the folder stays until it is one of the oldest
                write_text(self._folder / FINISHED_NAME, digest)

    def _clean(self) -> None:
        """Remove what a kill left half-written, and the note that the run is finished."""
        for path in [*self._folder.glob(f"{TEMPORARY_PREFIX}*"), self._folder / FINISHED_NAME]:
            path.unlink(missing_ok=True)

    def _is_empty(self) -> bool:
        return not any((self._folder / name).exists() for name in CHECKPOINT_NAMES)

    def _write_identity(self) -> None:
        if not (self._folder / IDENTITY_NAME).exists():
            write_text(self._folder / IDENTITY_NAME, json_text(self._identity))
            _remove_oldest(self._root)

    def _warn_why_none(self) -> None:
        """Say what has changed since the newest checkpoint of a run that is neither finished nor under way."""
        for folder in reversed(_run_folders(self._root)):
            identity = _identity_of(folder)
            if folder == self._folder or identity is None or (folder / FINISHED_NAME).exists():
                continue
            with _lock_folder(folder) as is_free:
                if is_free:
                    changed = ", ".join(differing_keys(identity, self._identity))
                    notify(f"train: starts anew: the checkpoints of an unfinished run are of other {changed}")
                    return

    def _note_last_checkpoint(self, error: BaseException | None) -> None:
        match error:
            case Terminated() | KeyboardInterrupt():
                error.args = (f"a checkpoint is kept at {self.last_position}; `dvc repro` goes on from there",)
            case RunError():
                error.problems += (
                    f"train: the last good checkpoint is that at {self.last_position}, in {self._folder}",
                )


@contextmanager
def _lock_folder(folder: Path) -> Iterator[bool]:
    """Lock a folder for the block, and yield whether that was possible."""
    lock = try_lock(folder / LOCK_NAME)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _run_folders(root: Path) -> list[Path]:
    """Return the folders of all runs, the one that was written to last at the end."""
    return sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime_ns)


def _remove_oldest(root: Path) -> None:
    for folder in _run_folders(root)[:-MAX_KEPT_RUNS]:
        with _lock_folder(folder) as is_free:
            if is_free:
                remove_folder(folder)


def _identity_of(folder: Path) -> RunIdentity | None:
    try:
        return dict(read_json(folder / IDENTITY_NAME))
    except (InputError, TypeError, ValueError):
        return None


def _checkpoint_bytes(turn: int, tensors: memoryview) -> list[bytes | memoryview]:
    """Return the content of a file: the sha256 of what follows it, the turn, and what `torch.save` wrote."""
    head = b"%016d\n" % turn
    digest = hashlib.sha256(head)
    digest.update(tensors)
    return [digest.hexdigest().encode(), head, tensors]


def _position(saved: CheckpointContent) -> TrainingPosition:
    numbers = saved["epoch"], saved["step"]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise ValueError(f"it is of epoch {numbers[0]}, step {numbers[1]}")
    return TrainingPosition(*numbers)


def _read_checkpoint(path: Path) -> tuple[int, TrainingPosition, CheckpointContent] | None:
    """Return the turn, the position and the content of a checkpoint; None if there is no file, or it is damaged."""
    try:
        content = memoryview(read_regular(path, memory_bytes()))
        digest, head, tensors = content[:64], content[64:81], content[81:]
        if hashlib.sha256(content[64:]).hexdigest().encode() != digest:
            raise ValueError("its bytes are not those that were written")
        saved = load_archive(io.BytesIO(tensors))
        return int(bytes(head)), _position(saved), saved
    except FileNotFoundError:
        return None
    except Exception as error:  # A torn or foreign file makes these raise anything; all of it means the same.
        what = str(error).split("\n")[0].removeprefix(f"{path}: ").partition("; run ")[0][:120]
        notify(f"train: {path}: is torn or foreign ({what}), and is not used")
        return None
