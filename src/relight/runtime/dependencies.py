"""Dvc.yaml declaration and content hashes.

What dvc.yaml says of one stage: the files it reads, the files it writes, its params sections.

Content hashes of a stage's dependencies: taken at the start, compared at the end.

DVC records dependencies after the run (its issue 11058), so that an edit during the run would be
recorded as if it had been used. Of a large file size and times stand for the bytes: to read 2 GB once more
takes as long as a tenth of the work on them.
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from relight.errors import InputError, RunError
from relight.runtime.strict_yaml import Document, read_yaml

SOURCE_REFERENCE = "${prepare.source}"
MAX_HASHED_BYTES = 64 << 20  # bytes
IGNORED = Path(".dvcignore")
BYTECODE = "__pycache__"  # written by the import itself


@dataclass(frozen=True)
class Declaration:
    """Paths are relative to the repository, as dvc.yaml has them."""

    stage: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    sections: tuple[str, ...]


def read_declaration(stage: str, params: Document) -> Declaration:
    """The declaration of a stage, with the source that params.yaml names filled in."""
    try:
        stages = read_yaml(Path("dvc.yaml")).value["stages"]
    except InputError as error:
        raise RunError(f"{error}; run `dvc repro` in the repository's top folder") from error
    if stage not in stages:
        raise RunError(f"dvc.yaml: stage {stage} is missing; known are {', '.join(stages)}")
    entry = stages[stage]
    return Declaration(
        stage,
        deps=tuple(_filled_in(dep, params) for dep in entry.get("deps", [])),
        outs=tuple(_path(out) for key in ("outs", "metrics") for out in entry.get(key, [])),
        sections=tuple(entry.get("params", [])),
    )


def _path(out: Any) -> str:
    """An out is a path, or a mapping of one path to its settings."""
    return out if isinstance(out, str) else str(next(iter(out)))


def _filled_in(dep: str, params: Document) -> str:
    return str(params.value["prepare"]["source"]) if dep == SOURCE_REFERENCE else dep


@dataclass(frozen=True)
class Fingerprint:
    """`stat` is cheap and changes with every write; `sha256` tells whether the bytes changed.

    It is None for a large file, where a new time counts as a change.
    """

    stat: tuple[int, int, int]
    sha256: str | None


def take_fingerprints(deps: tuple[str, ...]) -> dict[Path, Fingerprint]:
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
        ignored = ignored_names()
        return [dep, *sorted(path for path in dep.rglob("*") if not is_ignored(path.relative_to(dep).parts, ignored))]
    if not dep.is_file():
        raise InputError(f"{dep}: no such file; run `dvc repro`, or `dvc pull` if it was pushed")
    return [dep]


def _fingerprint(path: Path) -> Fingerprint:
    """Of a file its bytes, of a folder the names in it: a new file is a change too."""
    if path.is_dir():
        ignored = ignored_names()
        names = sorted(os.fsencode(child.name) for child in path.iterdir() if not is_ignored([child.name], ignored))
        return Fingerprint(_stat(path), hashlib.sha256(b"\0".join(names)).hexdigest())
    if path.stat().st_size > MAX_HASHED_BYTES:
        return Fingerprint(_stat(path), None)
    return Fingerprint(_stat(path), file_sha256(path))


def ignored_names() -> tuple[str, ...]:
    """The names in .dvcignore, such as `*.orig`: a backup that an editor leaves beside the code is no dependency.

    Only patterns of names; one with a folder in it, or an exception, is for DVC.
    """
    lines = IGNORED.read_text(encoding="utf-8").split("\n") if IGNORED.is_file() else []
    patterns = [line.strip().removeprefix("\\").removesuffix("/") for line in lines if not line.startswith(("#", "!"))]
    return (BYTECODE, *(pattern for pattern in patterns if pattern and "/" not in pattern))


def is_ignored(parts: Iterable[str], ignored: tuple[str, ...]) -> bool:
    """Whether DVC does not see the file, because of its own name or that of a folder above it."""
    return any(fnmatch(part, pattern) for part in parts for pattern in ignored)


def file_sha256(path: Path) -> str:
    """Of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stat(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return (status.st_size, status.st_mtime_ns, status.st_ino)
