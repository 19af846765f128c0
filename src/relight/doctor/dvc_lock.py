"""Dvc.lock against files.

dvc.lock against what is there.

DVC writes it, with exit code 0, even where a full disk kept an out from the cache.

What dvc.lock says was written, and what of it is there.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from relight.doctor.finding import Finding, abbreviated
from relight.errors import InputError
from relight.repository.git import read_files_at, run_git
from relight.repository.objects import FOLDER_SUFFIX, file_md5, folder_files, is_intact, object_path
from relight.repository.revisions import LockedStage, read_lock

LOCK_FILE, PIPELINE_FILE = Path("dvc.lock"), Path("dvc.yaml")


def broken_lock_finding(*, has_marks: bool, is_committed: bool) -> Finding:
    """
    Args:
        has_marks: of a merge.
        is_committed: whether the dvc.lock of HEAD is whole.
    """
    why = "no dvc command can say what is current"
    if has_marks:
        mend = (("git", "checkout", "--ours", "dvc.lock"), ("dvc", "repro"), ("git", "add", "dvc.lock"))
        return Finding("dvc.lock holds the marks of a merge", why, mend, note="`dvc repro` runs what differs now")
    back = (("git", "checkout", "HEAD", "dvc.lock"),) if is_committed else (("mv", "dvc.lock", "dvc.lock.damaged"),)
    return Finding("dvc.lock is cut short or damaged", why, (*back, ("dvc", "repro")))


def missing_output_finding(
    *, path: str, stage: str, n_missing: int, has_list: bool, is_here: bool, copy_to: str | None, has_remote: bool
) -> Finding:
    """An out of which something is not in the cache.

    Args:
        n_missing: objects.
        has_list: whether it is a file, or a folder of which the cache knows the files.
        is_here: whether the workspace has just what dvc.lock says.
        copy_to: of a file that is here, where its object belongs.
    """
    if is_here:
        what = f"dvc.lock records {path}, and the cache has not got it; only the workspace has"
        why = "a `dvc push` leaves it out, and the next run of the stage removes it"
        if copy_to is not None:
            folder = copy_to.rsplit("/", 1)[0]
            mend = (("mkdir", "-p", folder), ("cp", path, copy_to), ("chmod", "444", copy_to))
            return Finding(what, why, mend, is_safe=True)
        return Finding(what, why, (("dvc", "repro", stage),), note="a full disk leaves it so; DVC ends with 0 then")
    count = f"{n_missing} of its files" if has_list and n_missing > 1 else "it"
    what = f"dvc.lock records {path}, and neither cache nor workspace has {count}"
    return Finding(what, "nobody can check it out or push it", _recovery_commands(path, stage, has_remote))


def nothing_cached_finding(paths: Sequence[str], *, has_remote: bool) -> Finding:
    """Where all outs are missing, as in a fresh clone."""
    what = f"dvc.lock records {len(paths)} outs ({abbreviated(paths)}), and neither cache nor workspace has any"
    return Finding(what, "this is how a fresh clone begins", (("dvc", "pull"),) if has_remote else (("dvc", "repro"),))


def _recovery_commands(path: str, stage: str, has_remote: bool) -> tuple[tuple[str, ...], ...]:
    return (("dvc", "pull", path), ("dvc", "repro", stage)) if has_remote else (("dvc", "repro", stage),)


class LockedOutput(NamedTuple):
    """A file of the workspace, or a folder, as dvc.lock knows it.

    Attributes:
        files: the MD5 of each file of a folder by its path; None where the list of a folder is lost.
        missing: objects that are not in the cache, by the MD5.
        here: the MD5 of what the workspace has, looked at only where an object is missing or damaged.
    """

    stage: str
    path: str
    md5: str
    size: int
    files: dict[str, str] | None
    missing: tuple[str, ...]
    here: str | None


class BrokenLock(NamedTuple):
    """A dvc.lock that cannot be read.

    Attributes:
        has_marks: of a merge.
        is_committed: whether the one of HEAD is whole.
    """

    has_marks: bool
    is_committed: bool


def read_locked_stages() -> dict[str, LockedStage] | BrokenLock:
    if not LOCK_FILE.exists():
        return {}
    text = LOCK_FILE.read_bytes()
    try:
        return read_lock(text)
    except InputError:
        return BrokenLock(b"\n<<<<<<< " in b"\n" + text, _is_committed())


def locked_outputs(stages: dict[str, LockedStage], cache: Path, damaged: set[str]) -> list[LockedOutput]:
    """All that DVC caches.

    Args:
        damaged: the MD5 of each object that is known to be.
    """
    kept_by_git = _uncached_paths()
    outs = [(stage, entry) for stage, locked in stages.items() for entry in locked.outs.values()]
    return [
        _locked_output(stage, entry.path, entry.md5, entry.size, cache, damaged)
        for stage, entry in outs
        if entry.path not in kept_by_git
    ]


def workspace_md5(path: Path) -> str | None:
    """Of a file of the workspace, or of a folder as DVC names it; None where there is none."""
    if path.is_dir():
        entries = [{"md5": file_md5(file), "relpath": file.relative_to(path).as_posix()} for file in _files_below(path)]
        entries.sort(key=lambda entry: tuple(entry["relpath"].split("/")))
        return (
            hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER_SUFFIX
        )
    return file_md5(path) if path.is_file() else None


def _locked_output(stage: str, path: str, md5: str, size: int, cache: Path, damaged: set[str]) -> LockedOutput:
    missing = [md5] if not (cache / object_path(md5)).exists() else []
    files: dict[str, str] | None = {}
    if md5.endswith(FOLDER_SUFFIX):
        files = folder_files(cache, md5) if not missing and is_intact(cache, md5) else None
        missing += [one for one in (files or {}).values() if not (cache / object_path(one)).exists()]
    is_ill = missing or damaged & {md5, *(files or {}).values()}
    return LockedOutput(stage, path, md5, size, files, tuple(missing), workspace_md5(Path(path)) if is_ill else None)


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _is_committed() -> bool:
    try:
        read_lock(read_files_at([("HEAD", str(LOCK_FILE))])["HEAD", str(LOCK_FILE)])
    except (InputError, KeyError):
        return False
    return run_git("ls-files", "--unmerged", str(LOCK_FILE)) == ""


def _uncached_paths() -> set[str]:
    """Outs, metrics and plots that dvc.yaml says are not to be cached."""
    if not PIPELINE_FILE.exists():
        return set()
    stages = (yaml.safe_load(PIPELINE_FILE.read_bytes()) or {}).get("stages", {})
    kept = set()
    for stage in stages.values():
        for key in ("outs", "metrics", "plots"):
            for item in stage.get(key, []):
                if isinstance(item, dict):
                    kept |= {path for path, outs in item.items() if outs and outs.get("cache") is False}
    return kept
