"""The dvc.lock that records a file: that of a commit, or only that of the workspace."""

import os
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.model.manifest import Manifest
from relight.repository.git import is_shallow, read_files_at
from relight.repository.history import Commit, commits_that_record, last_recording_commit
from relight.repository.objects import find_with_md5, folders_containing, path_md5
from relight.repository.recorded_paths import recorded_md5
from relight.repository.revisions import LOCK_PATH, Lock, LockEntry, read_lock, read_lock_file
from relight.runtime.files import read_format
from relight.runtime.pipeline import PIPELINE_PATH
from relight.runtime.workspace import is_top

MANIFEST_PATH = "models/manifest.json"


class LockRecord(NamedTuple):
    """The entry of a file in a dvc.lock.

    Attributes:
        commit: the one that holds the dvc.lock; None if it is only in the workspace.
        stage: the one that wrote the file; "" for a raw file.
        entry: the file, or the folder that holds it.
    """

    commit: Commit | None
    lock: Lock
    stage: str
    entry: LockEntry

    @property
    def revision(self) -> str:
        """The commit to read other files from."""
        return self.commit.id if self.commit else "HEAD"


def find_record(path: Path, cache: Path) -> tuple[LockRecord, list[str]]:
    """Return the record of the file's bytes; if they are not the recorded ones, also a problem.

    Raises:
        InputError: if no dvc.lock of the history records the bytes or the path.
    """
    here, md5, relative = read_lock_file(), path_md5(path), Path(os.path.relpath(path))
    recorded = _entry_at(here, relative)
    if md5 is None and recorded is None:
        raise InputError(f"{path}: no such file, and dvc.lock records none of this name{_other_model_hint(path)}")
    if md5 is None and recorded is not None:
        return _record_of_entry(recorded, here), []
    holders = [md5, *folders_containing(cache, str(md5)), *_folder_around(here, relative)]
    record = _find_in_history([str(holder) for holder in holders], relative, here)
    if record and (recorded is None or record.entry.md5 == recorded.md5):
        return record, []
    if recorded is None:
        raise InputError(
            f"{path}: no {LOCK_PATH} of this {'repository' if is_top() else 'folder'}'s history records these bytes "
            f"(md5 {md5}){_other_model_hint(path)}{_shallow_hint()}"
        )
    fix = f"`dvc checkout {recorded.path}` brings the recorded one back"
    changed = f"{path}: is not the file that dvc.lock records here (md5 {md5}; recorded {recorded.md5})"
    if record:
        return record, [f"{changed}; it is one of the history, traced below. {fix}"]
    return _record_of_entry(recorded, here), [
        f"{changed}; no dvc.lock of the history records it, so that one is traced below. {fix}"
    ]


def _other_model_hint(path: Path) -> str:
    """Return the next step for a file in the folder of another model; "" for other files."""
    folders = Path(os.path.abspath(path)).parents
    nearest = next((folder for folder in folders if (folder / PIPELINE_PATH).is_file()), Path.cwd())
    if nearest == Path.cwd():
        return ""
    return f"; it lies in the folder of another model: run `relight trace` in {os.path.relpath(nearest)}"


def _shallow_hint() -> str:
    return "; this clone is shallow: `git fetch --unshallow` fetches the older commits" if is_shallow() else ""


def _record_of_entry(entry: LockEntry, here: Lock) -> LockRecord:
    record = _find_in_history([entry.md5], Path(entry.path), here)
    assert record
    return record


def _find_in_history(holders: list[str], path: Path, here: Lock) -> LockRecord | None:
    """Search the history of HEAD, then the workspace, then the other branches, tags and experiments.

    Args:
        holders: the MD5 of the file, and of the folders that hold it.
    """
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
    """Return the entry with these bytes; of several, first the one at this path, and a raw file last."""
    outs_and_deps = [(name, entry) for name, stage in lock.items() for entry in stage.outs.values()]
    outs_and_deps += [("", entry) for stage in lock.values() for entry in stage.deps.values()]
    records = [LockRecord(commit, lock, stage, entry) for stage, entry in outs_and_deps if entry.md5 == md5]
    at_path = [record for record in records if record.entry.path == str(path)]
    return next(iter(at_path + records), None)


def _entry_at(lock: Lock, path: Path) -> LockEntry | None:
    """Return the entry of a path, or of a folder above it."""
    paths = {str(parent) for parent in (path, *path.parents)}
    entries = [entry for stage in lock.values() for entry in (*stage.outs.values(), *stage.deps.values())]
    return next((entry for entry in entries if entry.path in paths), None)


def _folder_around(lock: Lock, path: Path) -> list[str]:
    """Return the MD5, as it is now, of the recorded folder that the file is in."""
    entry = _entry_at(lock, path)
    md5 = recorded_md5(entry.path) if entry and entry.path != str(path) else None
    return [md5] if md5 else []


def has_manifest(lock: Lock) -> bool:
    """Return whether a stage of dvc.lock wrote the manifest of a model."""
    return _manifest_entry(lock) is not None


def recorded_manifest(lock: Lock, cache: Path) -> Manifest | None:
    """Return the manifest that dvc.lock records, from the workspace or the cache; None if it is in neither."""
    entry = _manifest_entry(lock)
    path = find_with_md5(Path(MANIFEST_PATH), entry.md5, cache) if entry else None
    return read_format(path, Manifest, 1) if path else None


def _manifest_entry(lock: Lock) -> LockEntry | None:
    return next((stage.outs[MANIFEST_PATH] for stage in lock.values() if MANIFEST_PATH in stage.outs), None)
