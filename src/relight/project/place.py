"""The place of a new project: whether it is inside a Git repository and a DVC repository, and what is there already."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.runtime.messages import abbreviate

N_FILES_SHOWN = 5


class Place(NamedTuple):
    """Where a project will be; all paths are absolute.

    Attributes:
        root: of the project; it may exist.
        repository: the top of the Git repository; the project itself if it is in none.
        has_git, has_dvc: whether the repository exists already.
    """

    root: Path
    repository: Path
    has_git: bool
    has_dvc: bool

    @property
    def folder(self) -> str:
        """The project's folder from the top of the repository."""
        return self.root.relative_to(self.repository).as_posix()


def find_place(root: Path) -> Place:
    """Return the place of a project, with the repositories above it.

    Raises:
        InputError: for a file, a folder inside a DVC repository without Git, and one that Git ignores.
    """
    root = Path(root).resolve()
    blocked = next((path for path in (root, *root.parents) if path.exists() and not path.is_dir()), None)
    if blocked is not None:
        raise InputError(f"{blocked}: is a file, and no project can be in it; choose another folder")
    git = next((path for path in (root, *root.parents) if (path / ".git").exists()), None)
    dvc = next((path for path in (root, *root.parents) if (path / ".dvc").is_dir()), None)
    if git is None and dvc is not None:
        raise InputError(f"{dvc}: has DVC and no Git, so that there can be no experiments; run `git init` there first")
    if git is not None and _is_ignored(root, git):
        raise InputError(
            f"{root}: must be no folder that Git ignores, because it would be in no commit; choose another, or change "
            f"the .gitignore (`git check-ignore -v {root}` names the line)"
        )
    has_dvc = git is not None and dvc is not None and dvc.is_relative_to(git)
    return Place(root, git or root, git is not None, has_dvc)


def taken_problems(paths: Iterable[Path]) -> list[str]:
    """Return a problem if a file would be overwritten."""
    taken = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if not taken:
        return []
    what = "exists already, and is" if len(taken) == 1 else "exist already, and are"
    return [f"{abbreviate(taken, N_FILES_SHOWN)}: {what} never overwritten; move it away, or choose another folder"]


def _is_ignored(root: Path, repository: Path) -> bool:
    """Return whether Git ignores the folder, or the files in it."""
    if root == repository:
        return False
    asked = [f"{root.relative_to(repository).as_posix()}{end}" for end in ("", "/", "/dvc.yaml")]
    command = ["git", "-C", str(repository), "check-ignore", "--quiet", *asked]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
