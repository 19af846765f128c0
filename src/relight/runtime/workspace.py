"""The folder of a model, and the repository that it lies in: one repository may hold several models.

The folder of a model is the current folder: its dvc.yaml and params.yaml lie there, and the paths in them begin there.
The repository has one `.dvc`, in that folder or above it. Nothing makes another: DVC would take the folder around it
for a repository of its own.
"""

import os
from pathlib import Path

from relight.errors import InputError

DVC_FOLDER = Path(".dvc")
SCRATCH_FOLDER = DVC_FOLDER / "tmp/relight"
MODEL_PREFIX = "@"  # of each part of a model's folder below SCRATCH_FOLDER: `lock` is a file, a model may be in `lock/`


def find_root(folder: Path) -> Path | None:
    """Return the top of the DVC repository that a folder lies in, as DVC finds it; None outside of one.

    Args:
        folder: absolute.
    """
    for candidate in (folder, *folder.parents):
        if (candidate / DVC_FOLDER).is_dir():
            return candidate
        if candidate.is_mount():
            return None
    return None


def repository_root() -> Path:
    """Return the top of the DVC repository that the current folder lies in, as an absolute path.

    Raises:
        InputError: outside of a DVC repository.
    """
    root = find_root(Path.cwd())
    if root is None:
        raise InputError(
            f"{Path.cwd()}: must lie in a DVC repository, got none: no folder from here upwards has a {DVC_FOLDER}; "
            "run `git init`, if there is no Git repository either, and `dvc init` in the top folder of the project"
        )
    return root


def model_folder() -> Path:
    """Return the folder of the model below the top of the repository; `.` if it is the top itself."""
    return Path.cwd().relative_to(repository_root())


def is_top() -> bool:
    """Return whether the model's folder is the top of the repository."""
    return model_folder() == Path()


def in_repository(path: Path | str = ".") -> Path:
    """Return a path below the top of the repository as a path from the current folder."""
    return Path(os.path.relpath(repository_root() / path))


def scratch_folder() -> Path:
    """Return the folder for what neither DVC nor Git sees, from the current folder. Each model has its own."""
    return in_repository(SCRATCH_FOLDER) / _scratch_name(model_folder())


def lasting_folder() -> Path:
    """Return the scratch folder that outlives the workspace of a queued or temporary experiment.

    There `DVC_ROOT` names the repository itself.
    """
    lasting = os.environ.get("DVC_ROOT")
    if lasting is None or not Path(lasting, DVC_FOLDER).is_dir():
        return scratch_folder()
    return lasting / SCRATCH_FOLDER / _scratch_name(model_folder())


def _scratch_name(model: Path) -> Path:
    return Path(*(MODEL_PREFIX + part for part in model.parts))
