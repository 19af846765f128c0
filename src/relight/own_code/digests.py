"""The bytes of the user's own code: which files a call runs, and whether they have changed since."""

from pathlib import Path

from relight.own_code.project import closure, relative
from relight.runtime.dependencies import file_sha256


def file_digests(module: str, root: Path) -> dict[str, str]:
    """Return the sha256 of each file of the project that the import of a module runs, by its path in the project.

    Raises:
        InputError: if a file cannot be parsed, with its line.
    """
    return {_path_in_project(path, root): file_sha256(path) for path in closure(module, root)}


def changed_files(recorded: dict[str, str], root: Path) -> list[str]:
    """Return the recorded files whose bytes differ, or that are missing, sorted."""
    return sorted(
        path
        for path, digest in recorded.items()
        if not Path(root, path).is_file() or file_sha256(Path(root, path)) != digest
    )


def _path_in_project(path: Path, root: Path) -> str:
    return relative(path.absolute(), root)
