"""Exceptions of the user's own code: said with their file and line, instead of a traceback through Relight."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from relight.errors import RelightError, RunError

OUR_PACKAGES = ("relight", "stages")
FILE_AND_LINE = re.compile(r'File "([^"\n]+)", line (\d+)')


@contextmanager
def blame_own_code(root: Path, key: str = "") -> Iterator[None]:
    """Raise an exception of the user's own code as an error with its file and line.

    Raises:
        InputError: for an exception whose innermost frame in the project is the user's.
    """
    try:
        yield
    except RelightError:
        raise
    except SystemExit as error:
        raise own_error(error, root, key) or error from error
    except Exception as error:
        own = own_error(error, root, key)
        if own is None:
            raise
        raise own from error


def own_error(error: BaseException, root: Path, key: str = "") -> RunError | None:
    """Return what to say of an exception that the user's own code raised; None if it is not theirs."""
    head = f"{key}: " if key else ""
    if isinstance(error, SyntaxError) and error.filename and _is_theirs(error.filename, root):
        return RunError(f"{head}{short_path(error.filename)}:{error.lineno}: is not valid Python: {error.msg}")
    frame = _own_frame(error.__traceback__, root)
    if frame is None:
        return None
    name = frame.tb_frame.f_code.co_name
    at = f"{short_path(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
    inside = "" if name == "<module>" else f"in {name}: "
    text = str(error).split("\n")[0]
    is_missing = isinstance(error, ModuleNotFoundError)
    next_step = "; install the package that has it, or correct its name" if is_missing else ""
    return RunError(f"{head}{at}: {inside}{type(error).__name__}: {text}{next_step}")


def own_line_in(text: str, root: Path) -> str | None:
    """Return the last file and line of the user's own code that a text names as a traceback does; None if none."""
    named = [match.groups() for match in FILE_AND_LINE.finditer(text)]
    own = [f"{short_path(file)}:{line}" for file, line in named if _is_theirs(file, root) and not _is_ours(file)]
    return own[-1] if own else None


def _is_ours(file: str) -> bool:
    return any(package in Path(file).parts for package in OUR_PACKAGES)


def _own_frame(trace: TracebackType | None, root: Path) -> TracebackType | None:
    """Return the innermost frame of the user's own code; None if Relight's code lies within it."""
    own = None
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.split(".")[0] in OUR_PACKAGES:
            own = None
        elif _is_theirs(trace.tb_frame.f_code.co_filename, root):
            own = trace
        trace = trace.tb_next
    return own


def _is_theirs(file: str, root: Path) -> bool:
    path = Path(file)
    inside = path.is_file() and path.resolve().is_relative_to(root.resolve())
    return inside and not path.resolve().is_relative_to(Path(sys.prefix).resolve())


def short_path(file: str) -> str:
    """Return a path below the current folder without that folder."""
    path = Path(file).resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
