"""What is around the pipeline: Git, the python of the stages, room on the disk."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from relight.errors import RunError
from relight.io.git import git

IDENTITY = {"user.name": "NAME", "user.email": "EMAIL"}
BLOCK = b"\0" * 4096  # what a full disk does not take


class Git(NamedTuple):
    """
    Attributes:
        top: its top folder, where this folder is another.
        missing: the keys of an identity that Git does not know.
    """

    commits: int
    is_shallow: bool
    top: str | None
    missing: tuple[str, ...]


class Disk(NamedTuple):
    error: str | None
    free: int


def look_at_git() -> Git | None:
    """None where there is no repository, or no Git."""
    try:
        top = git("rev-parse", "--show-toplevel")
    except RunError:
        return None
    return Git(
        commits=_commits(),
        is_shallow=git("rev-parse", "--is-shallow-repository") == "true",
        top=None if Path(top).resolve() == Path.cwd().resolve() else top,
        missing=tuple(key for key, name in IDENTITY.items() if not _is_known(key, name)),
    )


def environment_of_python() -> str | None:
    """The environment (sys.prefix) of the `python` on PATH."""
    python = shutil.which("python")
    if python is None:
        return None
    ask = [python, "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    return os.path.realpath(done.stdout.strip()) if done.returncode == 0 else None


def environment_here() -> str:
    return os.path.realpath(sys.prefix)


def activation() -> str | None:
    """The script that puts this environment first on PATH."""
    script = Path(sys.prefix, "bin", "activate")
    return str(script) if script.exists() else None


def look_at_disk(folder: Path) -> Disk:
    """Of a folder that may not be there yet. A file of 4 KB is written to it, and removed."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(BLOCK)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Disk(error.strerror, free)
    return Disk(None, free)


def _commits() -> int:
    try:
        return int(git("rev-list", "--count", "HEAD"))
    except RunError:  # there is none
        return 0


def _is_known(key: str, name: str) -> bool:
    if os.environ.get(f"GIT_COMMITTER_{name}"):
        return True
    try:
        return git("config", key) != ""
    except RunError:
        return False
