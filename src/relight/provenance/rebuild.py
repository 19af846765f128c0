"""A commit checked out into a folder of its own, where its pipeline runs without cache, checkpoints or other code."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from relight.errors import InputError
from relight.repository.git import git_output, make_sharing_repository, run_git
from relight.repository.objects import FOLDER_SUFFIX, folder_files, is_intact, object_path
from relight.repository.recorded_paths import lies_inside, recorded_md5
from relight.runtime.files import write_text
from relight.runtime.lifetime import Terminated
from relight.runtime.workspace import find_root, model_folder, repository_root

TERMINATION_SECONDS = 10.0  # until the processes are killed

# What names of variables begin with that a stage, a launch or a Git hook around this command may have set.
DROPPED_VARIABLES = (
    *("RELIGHT_", "DVC_", "GIT_", "PYTHONHASHSEED"),
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
)
PR_SET_PDEATHSIG = 1  # of prctl(2): the signal at the death of the parent


@contextmanager
def temporary_checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Check a commit out into a Git repository of its own, which shares only Git's objects; remove it after the block.

    What a killed call left there is removed first. The user's repository holds no trace of it.

    Yields:
        the model's folder in it.
    """
    _remove(folder)
    top = run_git("rev-parse", "--show-toplevel")
    root = folder / os.path.relpath(repository_root(), top)
    before = {number: signal.signal(number, _on_signal) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        folder.mkdir(parents=True)
        environment = {**_clean_environment(folder), "LC_ALL": "C"}  # even if a Git hook has set another repository
        make_sharing_repository(folder, environment)
        git_output("-C", str(folder), "checkout", "--quiet", "--detach", commit, environment=environment)
        if not lies_inside(root / ".dvc", folder.resolve()):
            raise InputError(f"verify: .dvc of {commit[:7]} must be a folder of the repository, got a link elsewhere")
        write_text(root / ".dvc/config.local", "[cache]\n    dir = cache\n")  # a link there is replaced
        yield root / model_folder()
    finally:
        with _interrupts_ignored():
            _remove(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def place_input(path: str, md5: str, folder: Path, cache: Path) -> str:
    """Copy a file or folder that no stage makes to its place, unless the commit has it there.

    Args:
        folder: the model's, in the checkout.

    Returns:
        the problem; "" if it is in its place.
    """
    target = Path(os.path.abspath(folder / path))
    if not lies_inside(target, find_top(folder)):
        return f"{path}: lies outside of the repository, and is no part of the commit; put it into the repository"
    if target.exists():
        return ""
    if recorded_md5(path) == md5:
        _copy(Path(path), target)
        return ""
    parts = {"": md5}
    if md5.endswith(FOLDER_SUFFIX) and is_intact(cache, md5):
        parts = folder_files(cache, md5)
    if not all(is_intact(cache, part) and not part.endswith(FOLDER_SUFFIX) for part in parts.values()):
        return f"{path}: its recorded bytes are neither in the commit nor intact in the cache; run `dvc fetch`"
    for name, part in parts.items():
        _copy(cache / object_path(part), target / name)
    return ""


def run_in_checkout(command: list[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command to its end, with its output on stderr; return its exit code.

    The command, and all that it starts, ends when this process gets a signal (within `temporary_checkout`), or dies.
    """
    child = subprocess.Popen(
        command,
        cwd=folder,
        env={**_clean_environment(folder), **environment},
        stdout=sys.stderr.fileno(),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )
    try:
        return child.wait()
    finally:
        with _interrupts_ignored():
            _end_session(child)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise InputError(f"{source}: cannot be copied to {target}: {error.strerror}") from error


def _clean_environment(folder: Path) -> dict[str, str]:
    """Return this environment with its own python first on PATH, and without the dropped variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_VARIABLES)}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(find_top(folder) / ".dvc/tmp/site"),
    }


def find_top(folder: Path) -> Path:
    """Return the top of the DVC repository that a folder lies in, with every link followed."""
    path = Path(os.path.abspath(folder))
    return (find_root(path) or path).resolve()


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore signals in the block, so that a second Ctrl-C leaves nothing behind."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_session(child: "subprocess.Popen[bytes]") -> None:
    """End all processes of its session: SIGTERM first, SIGKILL after TERMINATION_SECONDS."""
    end = time.monotonic() + TERMINATION_SECONDS
    with suppress(ProcessLookupError):
        while time.monotonic() < end + 1:  # until the session is gone; in a container, dead ones may never be reaped
            os.killpg(child.pid, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
            child.poll()
            time.sleep(0.05)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
