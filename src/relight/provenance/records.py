"""Which dvc.lock records a file: that of a commit, or that of the workspace alone."""

import os
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.repository.git import read_files_at
from relight.repository.history import Commit, commits_that_record, last_recording_commit
from relight.repository.objects import folders_containing, path_md5
from relight.repository.revisions import LOCK_PATH, Lock, LockEntry, read_lock, read_lock_file


class LockRecord(NamedTuple):
    """Where a file stands in a dvc.lock.

    Attributes:
        commit: None where it is in none: the workspace's dvc.lock alone records it.
        stage: that wrote it; "" of a raw file.
        entry: the file, or the folder that holds it.
    """

    commit: Commit | None
    lock: Lock
    stage: str
    entry: LockEntry

    @property
    def revision(self) -> str:
        return self.commit.id if self.commit else "HEAD"


def find_record(path: Path, cache: Path) -> tuple[LockRecord, list[str]]:
    """That of the bytes as they are now; else, with a problem, that of the place."""
    here, md5, relative = read_lock_file(), path_md5(path), Path(os.path.relpath(path))
    recorded = _at_place(here, relative)
    if md5 is None and recorded is None:
        raise InputError(f"{path}: no such file, and dvc.lock records none of this name")
    if md5 is None and recorded is not None:
        return _record_of_entry(recorded, here), []
    holders = [md5, *folders_containing(cache, str(md5)), *_folder_around(here, relative)]
    record = _find_in_history([str(holder) for holder in holders], relative, here)
    if record and (recorded is None or record.entry.md5 == recorded.md5):
        return record, []
    if recorded is None:
        raise InputError(f"{path}: no dvc.lock of this repository's history records these bytes (md5 {md5})")
    mend = f"`dvc checkout {recorded.path}` brings the recorded one back"
    changed = f"{path}: is not the file that dvc.lock records here (md5 {md5}; recorded {recorded.md5})"
    if record:
        return record, [f"{changed}; it is one of the history, traced below. {mend}"]
    return _record_of_entry(recorded, here), [
        f"{changed}; no dvc.lock of the history records it, so that one is traced below. {mend}"
    ]


def _record_of_entry(entry: LockEntry, here: Lock) -> LockRecord:
    record = _find_in_history([entry.md5], Path(entry.path), here)
    assert record
    return record


def _find_in_history(holders: list[str], path: Path, here: Lock) -> LockRecord | None:
    """In the history of HEAD before the workspace, and there before other branches, tags and experiments."""
    for md5 in holders:
        latest = last_recording_commit(md5)
        for commit in [latest] if latest else commits_that_record(md5, "HEAD"):
            return _in_commit(commit, md5, path)
        if record := _in_lock(None, here, md5, path):
            return record
        for commit in commits_that_record(md5):
            return _in_commit(commit, md5, path)
    return None


def _in_commit(commit: Commit, md5: str, path: Path) -> LockRecord | None:
    lock = read_lock(read_files_at([(commit.id, LOCK_PATH)])[commit.id, LOCK_PATH], f"{LOCK_PATH} of {commit.id[:7]}")
    return _in_lock(commit, lock, md5, path)


def _in_lock(commit: Commit | None, lock: Lock, md5: str, path: Path) -> LockRecord | None:
    """Several files may have the same bytes: the one in this place comes before others, and raw ones come last."""
    outs_and_deps = [(name, entry) for name, stage in lock.items() for entry in stage.outs.values()]
    outs_and_deps += [("", entry) for stage in lock.values() for entry in stage.deps.values()]
    records = [LockRecord(commit, lock, stage, entry) for stage, entry in outs_and_deps if entry.md5 == md5]
    in_place = [record for record in records if record.entry.path == str(path)]
    return next(iter(in_place + records), None)


def _at_place(lock: Lock, path: Path) -> LockEntry | None:
    """What dvc.lock records for a path, or for a folder above it."""
    paths = {str(parent) for parent in (path, *path.parents)}
    entries = [entry for stage in lock.values() for entry in (*stage.outs.values(), *stage.deps.values())]
    return next((entry for entry in entries if entry.path in paths), None)


def _folder_around(lock: Lock, path: Path) -> list[str]:
    """The hash of the recorded folder that the file is in, as it is now."""
    entry = _at_place(lock, path)
    md5 = path_md5(Path(entry.path)) if entry and entry.path != str(path) else None
    return [md5] if md5 else []
