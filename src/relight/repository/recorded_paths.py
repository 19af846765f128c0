"""Where a command may read and write what dvc.lock names: below the repository only.

dvc.yaml, dvc.lock and the lists of folders come with a clone: whoever wrote them must not reach anything else.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from relight.errors import InputError
from relight.repository.objects import path_md5
from relight.runtime.workspace import repository_root

PRIVATE_FOLDERS = (".git", ".dvc")  # of the repository: hooks and settings, which are run


def lies_inside(path: Path, root: Path) -> bool:
    """Return whether a path lies below the root, with every link on the way followed.

    A file may itself be a link, because DVC links files from its cache; it never links a folder.
    """
    if path.is_dir() or path.name in ("", ".."):
        return path.resolve().is_relative_to(root)
    return (path.parent.resolve() / path.name).is_relative_to(root)


def recorded_md5(path: str) -> str | None:
    """Return the MD5 of the file or folder at a path of dvc.lock; None if none is there, or it lies elsewhere."""
    return path_md5(Path(path)) if lies_inside(Path(path), repository_root().resolve()) else None


def assert_output_places(outputs: Iterable[tuple[str, list[str]]], root: Path) -> None:
    """Check where outputs and their files lie, with every link on the way followed.

    Args:
        outputs: the path of each output, and those of its files; from the current folder.
        root: of the repository.

    Raises:
        InputError: with everything that lies elsewhere.
    """
    problems = [problem for output, files in outputs for problem in _problems(Path(output), files, root.resolve())]
    if problems:
        raise InputError(*problems)


def _problems(output: Path, files: list[str], root: Path) -> list[str]:
    # The output itself may be a link into the cache.
    place = output.resolve() if output.name in ("", "..") else output.parent.resolve() / output.name
    inside = place.relative_to(root).parts if place.is_relative_to(root) else ()
    if not inside:
        return [f"{output}: must lie in this repository, got {place}; nothing was written"]
    if inside[0] in PRIVATE_FOLDERS or place.is_relative_to(Path(sys.prefix).resolve()):
        return [f"{output}: must lie where nothing is run, got {place}; nothing was written"]
    folders = {Path(file).parent for file in files if Path(file) != output}
    return [
        f"{folder}: must lie in {output}, got a link to {folder.resolve()}; remove the link, nothing was written"
        for folder in sorted(folders)
        if not folder.resolve().is_relative_to(place)
    ]
