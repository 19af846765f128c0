"""Content hashes of a stage's dependencies: taken at the start, compared at the end.

DVC records dependencies after the run (its issue 11058), so that an edit during the run would be
recorded as if it had been used. Of a large file size and times stand for the bytes: to read 2 GB once more
takes as long as a tenth of the work on them.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from relight.errors import InputError, RunError

HASHED_UP_TO = 64 << 20  # bytes
NOT_DATA = "__pycache__"  # written by the import itself; .dvcignore has it too


@dataclass(frozen=True)
class Fingerprint:
    """`stat` is cheap and changes with every write; `sha256` tells whether the bytes changed.

    It is None for a large file, where a new time counts as a change.
    """

    stat: tuple[int, int, int]
    sha256: str | None


def fingerprints(deps: tuple[str, ...]) -> dict[Path, Fingerprint]:
    """A fingerprint of each file; of each folder and of all that is in it."""
    return {path: _fingerprint(path) for dep in deps for path in _paths(Path(dep))}


def assert_unchanged(before: dict[Path, Fingerprint]) -> None:
    """Compare with the files and folders as they are now.

    Raises:
        RunError: with each file whose bytes, and each folder whose names, are not those at the start.
    """
    changed = [path for path, old in before.items() if _has_changed(path, old)]
    if changed:
        raise RunError(
            *(f"{path}: was changed while the stage ran" for path in changed),
            "the result mixes two states, and was thrown away; run `dvc repro` again",
        )


def _has_changed(path: Path, old: Fingerprint) -> bool:
    if not path.exists():
        return True
    if _stat(path) == old.stat:
        return False
    return old.sha256 is None or _fingerprint(path).sha256 != old.sha256


def _paths(dep: Path) -> list[Path]:
    if dep.is_dir():
        return [dep, *sorted(path for path in dep.rglob("*") if NOT_DATA not in path.parts)]
    if not dep.is_file():
        raise InputError(f"{dep}: no such file; run `dvc repro`, or `dvc pull` if it was pushed")
    return [dep]


def _fingerprint(path: Path) -> Fingerprint:
    """Of a file its bytes, of a folder the names in it: a new file is a change too."""
    if path.is_dir():
        names = b"\0".join(sorted(os.fsencode(child.name) for child in path.iterdir() if child.name != NOT_DATA))
        return Fingerprint(_stat(path), hashlib.sha256(names).hexdigest())
    if path.stat().st_size > HASHED_UP_TO:
        return Fingerprint(_stat(path), None)
    return Fingerprint(_stat(path), sha256_of(path))


def sha256_of(path: Path) -> str:
    """Of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stat(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return (status.st_size, status.st_mtime_ns, status.st_ino)
