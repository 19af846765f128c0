"""A commit in a folder of its own, where its pipeline runs with no cache, checkpoint or code of another."""

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

from relight.errors import InputError, RunError
from relight.repository.git import run_git
from relight.repository.objects import FOLDER_SUFFIX, folder_files, is_intact, object_path, path_md5
from relight.runtime.lifetime import Terminated

TERMINATION_SECONDS = 10.0

_DROPPED_VARIABLES = (
    "RELIGHT_",
    "DVC_",
    "GIT_",
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "PYTHONHASHSEED",
)

_PR_SET_PDEATHSIG = 1


@contextmanager
def temporary_checkout(commit: str, folder: Path) -> Iterator[Path]:
    """The files of a commit in a repository of its own that shares Git's objects; gone after the block.

    What an earlier one left behind when it was killed goes first. The user's repository knows nothing of it.
    """
    _remove(folder)
    objects = Path(run_git("rev-parse", "--git-path", "objects")).resolve()
    before = {number: signal.signal(number, _on_signal) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        folder.mkdir(parents=True)
        _git(folder, "init", "--quiet")
        (folder / ".git/objects/info/alternates").write_text(f"{objects}\n", encoding="utf-8")
        _git(folder, "checkout", "--quiet", "--detach", commit)
        (folder / ".dvc/config.local").write_text("[cache]\n    dir = cache\n", encoding="utf-8")
        yield folder
    finally:
        with _interrupts_ignored():
            _remove(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def place_input(path: str, md5: str, folder: Path, cache: Path) -> str:
    """Bring a file or folder that no stage makes to its place, unless the commit has it there.

    Returns:
        why not; "" where it is there.
    """
    target = folder / path
    if target.exists():
        return ""
    if path_md5(Path(path)) == md5:
        _copy(Path(path), target)
        return ""
    parts = {"": md5}
    if md5.endswith(FOLDER_SUFFIX) and is_intact(cache, md5):
        parts = folder_files(cache, md5)
    if not all(is_intact(cache, part) and not part.endswith(FOLDER_SUFFIX) for part in parts.values()):
        return f"{path}: its recorded bytes are neither in the commit nor whole in the cache; run `dvc fetch`"
    for name, part in parts.items():
        _copy(cache / object_path(part), target / name)
    return ""


def run_in_checkout(command: list[str], folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command to its end, with its output in stderr; returns its exit code.

    It and all that it starts end when this process is told to (within `checked_out`), or dies.
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


def _git(folder: Path, *arguments: str) -> None:
    """In this folder, also where a hook of Git has set the names of another one in the environment."""
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, env=_clean_environment(folder), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RunError(f"verify: git {arguments[0]}: {done.stderr.strip()}")


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
    """This one with its own python first; without what a stage, a launch or a hook above would leave in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED_VARIABLES)}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.resolve() / ".dvc/tmp/site"),
    }


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """An impatient person's second Ctrl-C must not leave a part behind."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_session(child: "subprocess.Popen[bytes]") -> None:
    """All processes of its session: politely, and then not."""
    end = time.monotonic() + TERMINATION_SECONDS
    with suppress(ProcessLookupError):
        while time.monotonic() < end + 1:  # nobody may reap the dead ones in a container
            os.killpg(child.pid, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
            child.poll()
            time.sleep(0.05)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
