"""Files that a copy of the repository would lack: neither Git nor DVC tracks them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from relight.io.git import git

NOT_READ = "__pycache__"  # .dvcignore has it too


class Untracked(NamedTuple):
    """
    Attributes:
        is_ignored: whether a .gitignore keeps `git add` from taking it.
    """

    path: str
    is_ignored: bool


def untracked_among(paths: Iterable[str]) -> list[Untracked]:
    """Of these files, and of the files in these folders, those that are neither in Git's index nor kept by DVC.

    Where DVC keeps a file by a .dvc file that Git does not track, it is the .dvc file that is named.

    Args:
        paths: relative to the current folder, which is in a Git repository.

    Raises:
        RunError: outside a Git repository, or without Git.
    """
    asked = sorted({place for path in paths for place in (path, *_pointers(path))})
    if not asked:
        return []
    addable = set(_others("--exclude-standard", "--", *asked))
    return [Untracked(path, path not in addable) for path in _others("--", *asked) if _is_lost(path)]


def _others(*arguments: str) -> list[str]:
    listed = git("--literal-pathspecs", "ls-files", "--others", "-z", *arguments)
    return [path for path in listed.split("\0") if path]


def _is_lost(path: str) -> bool:
    return NOT_READ not in PurePath(path).parts and not any(map(os.path.exists, _pointers(path)))


def _pointers(path: str) -> Iterator[str]:
    """The .dvc files by which DVC may keep a file: its own one, and one of each folder above it."""
    for place in (PurePath(path), *PurePath(path).parents[:-1]):
        yield f"{place}.dvc"
