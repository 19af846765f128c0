"""Runs the commands that a finding names, just as a person would type them."""

import shlex
import subprocess
import sys
from collections.abc import Sequence


def mend(commands: Sequence[tuple[str, ...]]) -> str | None:
    """Run them in their order, up to the first one that fails.

    Returns:
        which one failed, and what it said; None when all are done.
    """
    for command in commands:
        done = subprocess.run(_with_this_dvc(command), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().split("\n")[-1]
            return f"{shlex.join(command)}: {said or f'ended with code {done.returncode}'}"
    return None


def _with_this_dvc(command: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", *command] if command[0] == "dvc" else list(command)
