"""Declarations of a stage in dvc.yaml, and content hashes of its dependencies.

The hashes are taken at the start and compared at the end: DVC records dependencies after the run (its issue 11058), so
that an edit during the run would be recorded as if it had been used. For a large file its size and times are compared
instead: to read 2 GB once more takes as long as a tenth of the work on them.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from relight.errors import InputError, RunError
from relight.runtime.messages import notify
from relight.runtime.nested import value_at
from relight.runtime.pipeline import (
    OUT_KEYS,
    PARAMS,
    REFERENCE,
    frozen_params,
    frozen_stages,
    named_params,
    named_paths,
    read_stages,
)
from relight.runtime.strict_yaml import Document, read_yaml
from relight.runtime.workspace import find_root

MAX_HASHED_BYTES = 64 << 20
LOCK_PATH = Path("dvc.lock")
IGNORE_FILE = ".dvcignore"
INSTALLED = "relight.json"
BYTECODE = "__pycache__"  # written by imports


@dataclass(frozen=True)
class Declaration:
    """The declaration of one stage in dvc.yaml; paths are relative to its folder.

    Attributes:
        sections: of params.yaml, or dotted keys in one.
        installed: the keys of relight.json, each the hash of the installed code that a stage runs.
        params_files: other files of params, which an own stage may read.
        frozen: the params that frozen stages ran with, by their dotted keys.
    """

    stage: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    sections: tuple[str, ...]
    installed: tuple[str, ...] = ()
    params_files: tuple[str, ...] = ()
    frozen: dict[str, Any] = field(default_factory=dict)


def read_declaration(stage: str, params: Document) -> Declaration:
    """Return the declaration of a stage, with the source that params.yaml names filled in.

    Raises:
        RunError: if dvc.yaml cannot be read, or has no such stage.
    """
    try:
        stages = read_stages()
    except InputError as error:
        raise RunError(f"{error}; run `dvc repro` in the folder that has it") from error
    if stage not in stages:
        raise RunError(f"dvc.yaml: stage {stage} is missing; known are {', '.join(stages)}")
    entry = stages[stage]
    keys = named_params(entry)
    sections = keys.pop(PARAMS, ())
    return Declaration(
        stage,
        deps=tuple(filled_in(dep, params) for dep in named_paths(entry, "deps")),
        outs=tuple(filled_in(out, params) for out in named_paths(entry, *OUT_KEYS)),
        sections=tuple(params.value) if sections is None else sections,
        installed=keys.pop(INSTALLED, ()) or (),
        params_files=tuple(keys),
        frozen=_read_frozen_params(stages),
    )


def _read_frozen_params(stages: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if not frozen_stages(stages) or not LOCK_PATH.exists():
        return {}
    try:
        locked = read_yaml(LOCK_PATH).value.get("stages")
    except InputError as error:
        notify(f"{error}; the report shows params.yaml in place of the params that frozen stages ran with")
        return {}
    entries = locked if isinstance(locked, dict) else {}
    return frozen_params(stages, {name: (entry.get("params") or {}).get(PARAMS, {}) for name, entry in entries.items()})


def filled_in(path: str, params: Document) -> str:
    """Return a path with the values of params.yaml in place of their keys, as DVC fills them in."""
    return REFERENCE.sub(lambda match: _text_at(params, match), path)


def _text_at(params: Document, reference: re.Match[str]) -> str:
    value = value_at(params.value, reference[1])
    return reference[0] if value is None else str(value)


@dataclass(frozen=True)
class Fingerprint:
    """The state of a file or folder.

    Attributes:
        stat: size, time and inode: cheap, and changed by every write.
        sha256: of the bytes of a file, or of the names in a folder; None for a large file, for which a new time counts
            as a change.
    """

    stat: tuple[int, int, int]
    sha256: str | None


def take_fingerprints(deps: tuple[str, ...]) -> dict[Path, Fingerprint]:
    """Return a fingerprint of each file, and of each folder and everything in it."""
    return {path: _fingerprint(path) for dep in deps for path in _paths(Path(dep))}


def assert_unchanged(before: dict[Path, Fingerprint]) -> None:
    """Compare fingerprints with the files and folders as they are now.

    Raises:
        RunError: with each file whose bytes, and each folder whose names, changed.
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
        ignored = ignored_names(dep)
        return [dep, *sorted(path for path in dep.rglob("*") if not is_ignored(path.relative_to(dep).parts, ignored))]
    if not dep.is_file():
        raise InputError(f"{dep}: no such file; run `dvc repro`, or `dvc pull` if it was pushed")
    return [dep]


def _fingerprint(path: Path) -> Fingerprint:
    """Return the fingerprint of a file by its bytes, of a folder by the names in it: a new file is a change too."""
    if path.is_dir():
        ignored = ignored_names(path)
        names = sorted(os.fsencode(child.name) for child in path.iterdir() if not is_ignored([child.name], ignored))
        return Fingerprint(_stat(path), hashlib.sha256(b"\0".join(names)).hexdigest())
    if path.stat().st_size > MAX_HASHED_BYTES:
        return Fingerprint(_stat(path), None)
    return Fingerprint(_stat(path), file_sha256(path))


def ignored_names(folder: Path) -> tuple[str, ...]:
    """Return the patterns of names in .dvcignore, such as `*.orig`: an editor's backup of a module is no dependency.

    The files are those of the folder and of each one above it, up to the top of the repository. Patterns with a folder
    in them, and exceptions, are left to DVC.
    """
    lines = [line for file in _ignore_files(folder) for line in file.read_text(encoding="utf-8").split("\n")]
    patterns = [line.strip().removeprefix("\\").removesuffix("/") for line in lines if not line.startswith(("#", "!"))]
    return (BYTECODE, *(pattern for pattern in patterns if pattern and "/" not in pattern))


def _ignore_files(folder: Path) -> list[Path]:
    """Return the .dvcignore files that apply in a folder, the one at the top of the repository first."""
    folder = Path(os.path.abspath(folder))
    root = find_root(folder) or Path.cwd()
    above = [parent for parent in reversed(folder.parents) if parent.is_relative_to(root)]
    return [file for each in (*above, folder) if (file := each / IGNORE_FILE).is_file()]


def is_ignored(parts: Iterable[str], ignored: tuple[str, ...]) -> bool:
    """Return whether DVC ignores the file because of its own name or that of a folder above it."""
    return any(fnmatch(part, pattern) for part in parts for pattern in ignored)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stat(path: Path) -> tuple[int, int, int]:
    status = os.stat(path)
    return (status.st_size, status.st_mtime_ns, status.st_ino)
