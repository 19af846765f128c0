"""Write the files of a new project: all of them, or none."""

import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from relight.errors import InputError
from relight.project.place import Place
from relight.repository.git import run_git
from relight.runtime.files import write_text


class TableCopy(NamedTuple):
    """A table, a file or a folder of files, and where it goes."""

    source: Path
    target: Path


def write_project(place: Place, texts: dict[Path, str], table: TableCopy | None) -> None:
    """Write every file, and make the Git repository if there is none; after a failure nothing of it is left.

    Raises:
        InputError: for a disk that is full, or a folder without permission.
        RunError: without Git.
    """
    run_git("--version")
    with ExitStack() as undo:
        for path, text in texts.items():
            _make_folder(path.parent, undo)
            undo.callback(path.unlink, missing_ok=True)
            write_text(path, text)
        if table is not None:
            _copy(table, undo)
        if not place.has_git:
            undo.callback(shutil.rmtree, place.root / ".git", ignore_errors=True)
            run_git("init", "--quiet", "--initial-branch=main", str(place.root))
        undo.pop_all()


def _copy(table: TableCopy, undo: ExitStack) -> None:
    _make_folder(table.target.parent, undo)
    try:
        if table.source.is_dir():
            undo.callback(shutil.rmtree, table.target, ignore_errors=True)
            shutil.copytree(table.source, table.target)
        else:
            undo.callback(table.target.unlink, missing_ok=True)
            shutil.copyfile(table.source, table.target)
    except (OSError, shutil.Error) as error:
        raise InputError(f"{table.source}: cannot be copied to {table.target}: {error}") from error


def _make_folder(folder: Path, undo: ExitStack) -> None:
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        try:
            missing.mkdir()
        except OSError as error:
            raise InputError(f"{missing}: cannot be made: {error.strerror}; choose another folder") from error
        undo.callback(_remove_folder, missing)


def _remove_folder(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put a file into it
        folder.rmdir()
