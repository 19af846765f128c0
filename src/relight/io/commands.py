"""Another command in the place of this one, or below it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import FrameType
from typing import NoReturn

from relight.errors import InputError


def become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """This process is the command from here on: signals and exit codes are its own.

    Raises:
        InputError: when there is no such command.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(command[0], command, {**os.environ, **environment})
    except OSError as error:
        raise InputError(_why_not(command, error)) from error


def run(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end; returns its exit code, 128 + n where signal n ended it.

    Raises:
        InputError: when there is no such command.
    """
    try:
        child = subprocess.Popen(command, env={**os.environ, **environment})
    except OSError as error:
        raise InputError(_why_not(command, error)) from error

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command, too
    code = child.wait()
    return code if code >= 0 else 128 - code


def _why_not(command: list[str], error: OSError) -> str:
    return f"relight launch: {command[0]}: cannot be run: {error.strerror}"
