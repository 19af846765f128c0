"""What dvc.lock says was written, and what of it is there."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import yaml

from relight.errors import InputError
from relight.io.git import files_at, git
from relight.io.lock_file import LockedStage, read_lock
from relight.io.objects import FOLDER, files_of, is_intact, md5_of, object_path

LOCK, PIPELINE = Path("dvc.lock"), Path("dvc.yaml")


class Out(NamedTuple):
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


class Broken(NamedTuple):
    """A dvc.lock that cannot be read.

    Attributes:
        has_marks: of a merge.
        is_committed: whether the one of HEAD is whole.
    """

    has_marks: bool
    is_committed: bool


def read_recorded() -> dict[str, LockedStage] | Broken:
    if not LOCK.exists():
        return {}
    text = LOCK.read_bytes()
    try:
        return read_lock(text)
    except InputError:
        return Broken(b"\n<<<<<<< " in b"\n" + text, _is_committed())


def outs_of(stages: dict[str, LockedStage], cache: Path, damaged: set[str]) -> list[Out]:
    """All that DVC caches.

    Args:
        damaged: the MD5 of each object that is known to be.
    """
    kept_by_git = _kept_by_git()
    outs = [(stage, entry) for stage, locked in stages.items() for entry in locked.outs.values()]
    return [
        _out(stage, entry.path, entry.md5, entry.size, cache, damaged)
        for stage, entry in outs
        if entry.path not in kept_by_git
    ]


def md5_here(path: Path) -> str | None:
    """Of a file of the workspace, or of a folder as DVC names it; None where there is none."""
    if path.is_dir():
        entries = [{"md5": md5_of(file), "relpath": file.relative_to(path).as_posix()} for file in _files_below(path)]
        entries.sort(key=lambda entry: tuple(entry["relpath"].split("/")))
        return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER
    return md5_of(path) if path.is_file() else None


def _out(stage: str, path: str, md5: str, size: int, cache: Path, damaged: set[str]) -> Out:
    missing = [md5] if not (cache / object_path(md5)).exists() else []
    files: dict[str, str] | None = {}
    if md5.endswith(FOLDER):
        files = files_of(cache, md5) if not missing and is_intact(cache, md5) else None
        missing += [one for one in (files or {}).values() if not (cache / object_path(one)).exists()]
    is_ill = missing or damaged & {md5, *(files or {}).values()}
    return Out(stage, path, md5, size, files, tuple(missing), md5_here(Path(path)) if is_ill else None)


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _is_committed() -> bool:
    try:
        read_lock(files_at([("HEAD", str(LOCK))])["HEAD", str(LOCK)])
    except (InputError, KeyError):
        return False
    return git("ls-files", "--unmerged", str(LOCK)) == ""


def _kept_by_git() -> set[str]:
    """Outs, metrics and plots that dvc.yaml says are not to be cached."""
    if not PIPELINE.exists():
        return set()
    stages = (yaml.safe_load(PIPELINE.read_bytes()) or {}).get("stages", {})
    kept = set()
    for stage in stages.values():
        for key in ("outs", "metrics", "plots"):
            for item in stage.get(key, []):
                if isinstance(item, dict):
                    kept |= {path for path, said in item.items() if said and said.get("cache") is False}
    return kept
