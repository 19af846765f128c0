"""What DVC says, asked as on the command line."""

import subprocess
import sys
from pathlib import Path

from relight.errors import RunError


def dvc(*arguments: str) -> str:
    """What a command prints, without its last line break.

    Raises:
        RunError: with what DVC says, when it fails.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise RunError(f"dvc {arguments[0]}: {'; '.join(said) or f'ended with code {done.returncode}'}")
    return done.stdout.removesuffix("\n")


def cache_folder() -> Path:
    """Where the objects of this repository lie, wherever its config puts them."""
    return Path(dvc("cache", "dir"))
