"""Files that the pipeline reads, and a clone, or a queued experiment, would lack or hold with other bytes."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from shlex import quote
from typing import NamedTuple

from relight.errors import RelightError
from relight.repository.git import refused_folder, run_git
from relight.repository.line_ends import find_changed_line_ends, line_ends_note
from relight.runtime.dependencies import INSTALLED, filled_in
from relight.runtime.pipeline import OUT_KEYS, named_paths, paths_written_around, read_stages
from relight.runtime.strict_yaml import read_yaml

IGNORED_FOLDER = "__pycache__"  # .dvcignore has it too
CODE_FOLDERS = ("src", "stages")  # the check of params runs code that no stage declares


class UntrackedFile(NamedTuple):
    """A file that neither Git nor DVC tracks.

    Attributes:
        is_ignored: whether a .gitignore keeps `git add` from taking it.
    """

    path: str
    is_ignored: bool


def find_untracked(paths: Iterable[str]) -> list[UntrackedFile]:
    """Return those of the files, and of the files in the folders, that are neither in Git's index nor kept by DVC.

    If DVC keeps a file and Git does not track its .dvc file, it is the .dvc file that is returned.

    Args:
        paths: relative to the current folder, which is in a Git repository.

    Raises:
        RunError: outside a Git repository, or without Git.
    """
    candidates = sorted({candidate for path in paths for candidate in (path, *_pointers(path))})
    if not candidates:
        return []
    addable = set(_untracked_by_git("--exclude-standard", "--", *candidates))
    return [UntrackedFile(path, path not in addable) for path in _untracked_by_git("--", *candidates) if _is_lost(path)]


def _untracked_by_git(*arguments: str) -> list[str]:
    listed = run_git("--literal-pathspecs", "ls-files", "--others", "-z", *arguments)
    return [path for path in listed.split("\0") if path]


def _is_lost(path: str) -> bool:
    return IGNORED_FOLDER not in PurePath(path).parts and not any(map(os.path.exists, _pointers(path)))


def _pointers(path: str) -> Iterator[str]:
    """Yield the .dvc files by which DVC may keep a file: its own, and that of each folder above it."""
    for parent in (PurePath(path), *PurePath(path).parents[:-1]):
        if parent.name != "..":
            yield f"{parent}.dvc"


def untracked_notes(params: Path, pipeline: Path = Path("dvc.yaml")) -> str:
    """Return a line for each file or folder that neither Git nor DVC tracks; one if Git refuses the repository.

    It is empty if there can be no experiments: outside a Git repository, or without a pipeline.
    """
    try:
        inputs = _inputs(params, pipeline)
        read = {str(params), str(pipeline), INSTALLED, *inputs, *_untracked_code()}
        untracked = _not_written(find_untracked(read))
    except RelightError:
        folder = refused_folder()
        return _refused_note(folder) if folder else ""
    counts = Counter(UntrackedFile(_as_read(file.path, read), file.is_ignored) for file in untracked)
    return "".join(_untracked_note(untracked_file, n_files) for untracked_file, n_files in counts.items())


def _refused_note(folder: str) -> str:
    return (
        f"note: Git refuses the repository {folder}, because another user owns it (dubious ownership), so that it is "
        f"not known what Git tracks; `git config --global --add safe.directory {quote(folder)}`\n"
    )


def line_ends_notes(params: Path, pipeline: Path = Path("dvc.yaml")) -> str:
    """Return a line for each file that the stages read and Git stores with other bytes than DVC hashes.

    It is empty outside a Git repository, or without a pipeline.
    """
    try:
        return "".join(map(line_ends_note, find_changed_line_ends(_inputs(params, pipeline))))
    except RelightError:
        return ""


def _inputs(params: Path, pipeline: Path) -> list[str]:
    """Return what the stages read and none of them writes, as the source and the code."""
    stages, document = read_stages(pipeline).values(), read_yaml(params)
    written = {filled_in(out, document) for stage in stages for out in named_paths(stage, *OUT_KEYS)}
    deps = {filled_in(dep, document): None for stage in stages for dep in named_paths(stage, "deps")}
    return [dep for dep in deps if not _is_below(dep, written)]


def _not_written(files: list[UntrackedFile]) -> list[UntrackedFile]:
    """Return the files that no stage writes, also none of another dvc.yaml: DVC keeps the others."""
    outs = paths_written_around(file.path for file in files)
    return [file for file in files if not any(out.covers(file.path) for out in outs)]


def _is_below(path: str, folders: set[str]) -> bool:
    return any(str(each) in folders for each in (PurePath(path), *PurePath(path).parents))


def _untracked_code() -> list[str]:
    return [path.as_posix() for folder in CODE_FOLDERS for path in Path(folder).rglob("*.py")]


def _as_read(path: str, read: set[str]) -> str:
    """Return the folder that holds the file if it is read, and so added, as a whole; else the file."""
    return next((str(folder) for folder in PurePath(path).parents if str(folder) in read), path)


def _untracked_note(file: UntrackedFile, n_files: int) -> str:
    path = quote(file.path)
    which = f" ({n_files} of its files)" if Path(file.path).is_dir() else ""
    or_dvc = "" if file.path.endswith((".py", ".yaml", ".json", ".dvc")) else f", or `dvc add {path}` for a large table"
    return (
        f"note: {file.path}{which}: neither Git nor DVC tracks it, so that a queued or --temp experiment, or a clone, "
        f"would lack it; `git add {'--force ' if file.is_ignored else ''}{path}`{or_dvc}\n"
    )
