"""DVC, run as on the command line: the one that is installed, which imports nothing of the current folder."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from relight.errors import RunError
from relight.runtime.workspace import find_root


def run_dvc(*arguments: str) -> str:
    """Return what a command prints, without its last line break.

    Raises:
        RunError: if it fails, with DVC's own messages.
    """
    runs_stages = arguments[0] == "repro"  # they may need all of PYTHONPATH
    environment = dict(os.environ) if runs_stages else environment_of_dvc()
    done = subprocess.run(dvc_command(*arguments), env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise RunError(f"dvc {arguments[0]}: {'; '.join(errors) or f'ended with code {done.returncode}'}")
    return done.stdout.removesuffix("\n")


def dvc_command(*arguments: str) -> list[str]:
    """Return the command of the DVC that is installed beside this python, which imports nothing of the current folder.

    `python -m` would look there first (`-P` keeps it from that), and a stranger may have put a configobj.py there.

    Raises:
        RunError: if there is none, or the one that would be imported lies in the repository.
    """
    assert_dvc_installed()
    return [sys.executable, "-P", "-m", "dvc", *arguments]


def assert_dvc_installed() -> None:
    """Check that the DVC that would be imported is an installed one, and no file of the repository.

    Raises:
        RunError: if it is not.
    """
    spec = find_spec("dvc")
    if spec is None or spec.origin is None:
        raise RunError(f"dvc: must be installed beside {sys.executable}, got none; run `pip install 'dvc>=3.67,<4'`")
    place, root = Path(spec.origin).resolve(), (find_root(Path.cwd()) or Path.cwd()).resolve()
    if place.is_relative_to(root) and not place.is_relative_to(Path(sys.prefix).resolve()):
        raise RunError(f"dvc: must be installed beside {sys.executable}, got {place} of this repository; remove it")


def environment_of_dvc() -> dict[str, str]:
    """Return this environment without the current folder, or the top of the repository, on PYTHONPATH.

    An empty entry means the current folder, as in `PYTHONPATH=:/somewhere`.
    """
    here = {Path.cwd().resolve(), (find_root(Path.cwd()) or Path.cwd()).resolve()}
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    kept = os.pathsep.join(entry for entry in entries if Path(entry).resolve() not in here)
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**others, "PYTHONPATH": kept} if kept else others


def cache_folder() -> Path:
    """Return the folder of the objects of this repository, wherever its config puts it."""
    return Path(run_dvc("cache", "dir"))
