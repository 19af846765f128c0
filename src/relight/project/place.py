"""The place and the name of a new project.

It may lie inside a Git repository and a DVC repository, and something may be there already; its name is that of its
folder, and of the package of its own code.
"""

import keyword
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.repository.git import git_or_none
from relight.runtime.messages import abbreviate
from relight.runtime.places import is_in_repository
from relight.runtime.workspace import find_root

N_FILES_SHOWN = 5
PACKAGE_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?")
FOLDERS_OF_SCRIPTS = ("stages", "tests")  # of the project itself


class Place(NamedTuple):
    """The place of a new project; all paths are absolute.

    Attributes:
        root: of the project; it may exist.
        repository: the top of the Git repository; the project itself if it is in none.
        dvc_repository: the top of the DVC repository; that of the Git repository if it has none yet.
        has_git, has_dvc: whether the repositories exist already.
    """

    root: Path
    repository: Path
    dvc_repository: Path
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
    blocked = next((path for path in (root, *root.parents) if path.exists() and not path.is_dir()), None)
    if blocked is not None:
        raise InputError(f"{blocked}: is a file, and no project can be in it; choose another folder")
    git = next((path for path in (root, *root.parents) if (path / ".git").exists()), None)
    dvc = find_root(root)
    if git is None and dvc is not None:
        raise InputError(f"{dvc}: has DVC and no Git, so that there can be no experiments; run `git init` there first")
    if git is not None and _is_ignored(root, git):
        raise InputError(
            f"{root}: must be no folder that Git ignores, because it would be in no commit; choose another, or change "
            f"the .gitignore (`git check-ignore -v {root}` names the line)"
        )
    repository = git or root
    if dvc is None or not dvc.is_relative_to(repository):
        return Place(root, repository, repository, git is not None, has_dvc=False)
    return Place(root, repository, dvc, has_git=True, has_dvc=True)


def is_inside(table: Path, place: Place) -> bool:
    """Return whether a table is in the repository, so that a stage may read it where it is.

    Args:
        table: absolute. A link out of the repository is not in it, unless DVC made it.
    """
    return table.is_relative_to(place.dvc_repository) and is_in_repository(table, place.dvc_repository)


def taken_problems(paths: Iterable[Path]) -> list[str]:
    """Return a problem if a file would be overwritten."""
    taken = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if not taken:
        return []
    listed = abbreviate(taken, N_FILES_SHOWN)
    if len(taken) == 1:
        return [f"{listed}: exists already, and is never overwritten; move it away, or choose another folder"]
    return [f"{listed}: exist already, and are never overwritten; move them away, or choose another folder"]


def _is_ignored(root: Path, repository: Path) -> bool:
    """Return whether Git ignores the folder, or the files in it."""
    if root == repository:
        return False
    asked = [f"{root.relative_to(repository).as_posix()}{end}" for end in ("", "/", "/dvc.yaml")]
    return git_or_none("-C", str(repository), "check-ignore", *asked) is not None


def name_problems(name: str) -> list[str]:
    """Return why a name cannot be that of the package, with a name that can."""
    if PACKAGE_NAME.fullmatch(name) is None:
        rule = "must be letters, digits and _ that begin with a letter and do not end with _"
        return [f"name: {rule}, because Python imports it, got {name}{_suggestion(name)}"]
    if keyword.iskeyword(name):
        return [f"name: must be no keyword of Python, got {name}; choose another, such as my_{name}"]
    taken = _taken_by(name)
    return [f"name: must be no {taken}, got {name}; choose another, such as my_{name}"] if taken else []


def _taken_by(name: str) -> str:
    """Return what has the name already; the own package would hide it, or be hidden by it."""
    if name in FOLDERS_OF_SCRIPTS:
        return "folder of scripts of a project"
    if name in sys.stdlib_module_names:
        return "module of Python's own library"
    return "package that is installed here" if find_spec(name) is not None else ""


def _suggestion(name: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    cleaned = f"model_{cleaned}" if cleaned[:1].isdigit() else cleaned
    good = PACKAGE_NAME.fullmatch(cleaned) is not None and not keyword.iskeyword(cleaned) and not _taken_by(cleaned)
    return f"; did you mean {cleaned}?" if good else "; choose another"
