"""Refuse what a stage reads, writes or imports without a declaration in dvc.yaml.

An undeclared read makes DVC serve stale results, an undeclared write is lost: both end the stage when they happen.
"""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Self

from relight.errors import RunError
from relight.runtime.workspace import DVC_FOLDER, repository_root

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# For each event: the index of each path among its arguments → that of the open folder that the path begins at.
_CHANGING_EVENTS: dict[str, dict[int, int | None]] = {
    "os.rename": {0: 2, 1: 3},
    "os.remove": {0: 1},
    "os.mkdir": {0: 2},
    "os.rmdir": {0: 1},
    "os.truncate": {0: None},
}

_OUR_FOLDERS = (os.path.join("src", "relight", ""), os.path.join("stages", ""))
_EVERY_STAGE_READS = ("params.yaml", "dvc.yaml")


class Audit:
    """Audits one stage within the block. An audit hook cannot be removed, so it is silent afterwards.

    Args:
        stage: named in the messages.
        deps: what may be read, relative to the current folder. Other files are refused if they are in the repository.
        scratch: a folder that the stage may write and read freely.
    """

    def __init__(self, stage: str, deps: tuple[str, ...], scratch: Path) -> None:
        self.stage = stage
        self.root, self.folder = str(repository_root()), os.getcwd()
        self.readable = [os.path.abspath(dep) for dep in (*deps, *_EVERY_STAGE_READS)]
        self.writable = [os.path.abspath(scratch)]
        self.problems: list[str] = []
        self.active = False

    def allow(self, path: Path) -> None:
        """Let the stage write and read a path outside its outputs."""
        self.writable.append(os.path.abspath(path))

    def __enter__(self) -> Self:
        self.active = True
        sys.addaudithook(self._on_event)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.active = False
        if kind is None:
            self._refuse_undeclared()

    def _refuse_undeclared(self) -> None:
        """Raise also for errors that a library caught, and for modules that were imported before the block."""
        undeclared = [self._undeclared("imports", path) for path in self._undeclared_modules()]
        if self.problems or undeclared:
            raise RunError(*self.problems, *undeclared)

    def _on_event(self, event: str, args: tuple[object, ...]) -> None:
        if not self.active:
            return
        if event == "open":
            path, _, flags = args
            writing = isinstance(flags, int) and bool(flags & _WRITE_FLAGS)
            self._check("writes" if writing else "reads", path, self.writable if writing else None)
        elif event in _CHANGING_EVENTS:
            for index, folder in _CHANGING_EVENTS[event].items():
                path = args[index] if folder is None else _in_folder(args[folder], args[index])
                if not (event == "os.mkdir" and self._leads_to_writable(path)):
                    self._check("changes", path, self.writable)

    def _check(self, verb: str, path: object, writable: list[str] | None) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        full = os.path.abspath(os.fsdecode(path))
        allowed = [*self.readable, *self.writable] if writable is None else writable
        if not is_in_repository(full, self.root) or _is_under(_source_of(full), allowed):
            return
        if verb == "reads" and not os.path.lexists(full):  # relative to a folder that the event does not name
            return
        if verb == "reads" and _is_record_of_dvc(full, self.root):
            return
        if _is_bytecode(full) or _is_install_record(full) or (verb == "reads" and _is_empty_init(full)):
            return
        self.problems.append(self._undeclared(verb, full))
        raise RunError(self.problems[-1])

    def _leads_to_writable(self, folder: object) -> bool:
        return isinstance(folder, str | os.PathLike) and any(
            _is_under(path, [os.path.abspath(folder)]) for path in self.writable
        )

    def _undeclared(self, verb: str, full: str) -> str:
        path = os.path.relpath(full, self.folder)
        key = "deps" if verb in ("reads", "imports") else "outs"
        own = key == "deps" and full.endswith(".py") and not path.startswith(_OUR_FOLDERS)
        fix = "run `relight deps --write`, or declare it there if its name is computed" if own else "declare it there"
        return f"dvc.yaml: stage {self.stage} {verb} {path}, which is not among its {key}; {fix}"

    def _undeclared_modules(self) -> list[str]:
        """Return undeclared modules of the repository that were imported; an empty `__init__.py` cannot matter."""
        files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        full = sorted({os.path.abspath(file) for file in files if file})
        return [
            path
            for path in full
            if is_in_repository(path, self.root)
            and not _is_under(path, self.readable)
            and os.path.isfile(path)  # torch._classes names a file that does not exist
            and not _is_empty_init(path)
        ]


def is_in_repository(full: str, root: str) -> bool:
    """Return whether a file belongs to the repository at `root`, and not to an environment inside it."""
    return _is_under(full, [root]) and not _is_under(full, _environment_folders(root))


def _is_record_of_dvc(full: str, root: str) -> bool:
    """Return whether DVC's settings or a `.dvc` file: they decide which links may be followed, and no result."""
    folder = os.path.join(root, DVC_FOLDER)
    return full.endswith(".dvc") or full in (os.path.join(folder, "config"), os.path.join(folder, "config.local"))


@cache
def _environment_folders(root: str) -> list[str]:
    """Return the folders of the Python environment: all of it if it lies inside the repository, as `.venv` does.

    If the repository is the environment, or lies inside it (`/usr/src/app`), only its folders of libraries and scripts.
    """
    prefixes = [prefix for prefix in (sys.prefix, sys.exec_prefix) if not _is_under(root, [prefix])]
    libraries = [path for name, path in sysconfig.get_paths().items() if name != "data"]
    return [*prefixes, *libraries]


def _is_under(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _in_folder(descriptor: object, path: object) -> object:
    """Return a path relative to an open folder, as shutil.rmtree names it; None if the folder is unknown."""
    if descriptor in (None, -1) or not isinstance(path, str | bytes | os.PathLike) or os.path.isabs(path):
        return path
    try:
        return os.path.join(os.readlink(f"/proc/self/fd/{descriptor}"), os.fsdecode(path))
    except OSError:  # no Linux
        return None


def _is_bytecode(full: str) -> bool:
    return f"{os.sep}__pycache__{os.sep}" in full + os.sep  # the folder itself is made by the first import


def _is_install_record(full: str) -> bool:
    """Return whether `pip install -e` wrote it; libraries look there for plug-ins of their own."""
    return f".egg-info{os.sep}" in full + os.sep


def _is_empty_init(full: str) -> bool:
    """Return whether a file is an `__init__.py` without a byte: that of a package, which cannot change a result."""
    return os.path.basename(full) == "__init__.py" and os.path.isfile(full) and os.path.getsize(full) == 0


def _source_of(full: str) -> str:
    if _is_bytecode(full) and full.endswith(".pyc"):
        return importlib.util.source_from_cache(full)
    return full
