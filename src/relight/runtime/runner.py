"""The stage runner: what happens between `dvc` and the work of a stage.

It checks all params before any work is done, gives the stage only what dvc.yaml declares, hashes the dependencies at
the start and compares them at the end, and keeps the outputs in a scratch folder until all of them are complete.
"""

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from relight.errors import InputError, RunError
from relight.runtime.audit import Audit
from relight.runtime.check import run_check
from relight.runtime.dependencies import (
    Declaration,
    Fingerprint,
    assert_unchanged,
    file_sha256,
    read_declaration,
    take_fingerprints,
)
from relight.runtime.installed import assert_installed, installed_digests
from relight.runtime.lifetime import end_with_parent, single_instance
from relight.runtime.messages import run_for_exit_code
from relight.runtime.nested import value_at, with_values
from relight.runtime.params import read_section
from relight.runtime.processes import Rank, current_rank
from relight.runtime.strict_yaml import Document, read_yaml
from relight.runtime.workspace import lasting_folder, scratch_folder

CHECKPOINTS_NAME = "checkpoints"
FINISHED_NAME = "finished"  # holds the MD5 of the weights, by which dvc.lock knows them
Params = TypeVar("Params", bound=BaseModel)


class Stage:
    """The files and params that a stage may use: its params sections, its deps, its outs; all else raises RunError."""

    def __init__(
        self, declared: Declaration, document: Document, scratch: Path, before: dict[Path, Fingerprint], audit: Audit
    ) -> None:
        self._declared = declared
        self._document = document
        self._scratch = scratch
        self._before = before
        self._audit = audit

    def params(self, section: str, model: type[Params]) -> Params:
        """Return the params of a section that dvc.yaml declares for this stage."""
        self._assert_declared("params", section, self._declared.sections)
        return read_section(self._document, section, model)

    def all_params(self) -> dict[str, object]:
        """Return the value of every declared section, or dotted key, as it is in params.yaml.

        Those of a frozen stage are the ones that it ran with, as dvc.lock records them.
        """
        values = with_values(self._document.value, self._declared.frozen)
        return {key: value_at(values, key) for key in self._declared.sections}

    def dep(self, path: str) -> Path:
        """Return a path that dvc.yaml declares as a dependency of this stage."""
        self._assert_declared("deps", path, self._declared.deps)
        return Path(path)

    def files_below(self, folder: str) -> dict[str, Path]:
        """Return the files of a folder that dvc.yaml declares as dependencies, by their paths in it; there may be none.

        The folder itself, folders in it or single files may be declared.
        """
        files = [path for path in self._before if path.is_relative_to(folder) and path.is_file()]
        return {path.relative_to(folder).as_posix(): path for path in files}

    def out(self, path: str) -> Path:
        """Return the path to write an out to; it is moved to its declared path when the whole stage is done."""
        self._assert_declared("outs", path, self._declared.outs)
        staged = self._scratch / path
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def live(self, path: str) -> Path:
        """Return the declared path of an out, for a preview while the stage runs; the out itself replaces it."""
        self._assert_declared("outs", path, self._declared.outs)
        self._audit.allow(Path(path))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path)

    def untracked(self, name: str) -> Path:
        """Return the path of a file about this run only, which neither DVC nor Git sees."""
        path = scratch_folder() / name
        self._audit.allow(path)
        return path

    def digests(self) -> dict[str, str]:
        """Return each file that the stage depends on, code and data, with the SHA-256 of its bytes at the start.

        The code of an installed Relight is one of them, as `relight.json:train`.
        """
        files = {path.as_posix(): fingerprint.sha256 or file_sha256(path) for path, fingerprint in self._before.items()}
        return files | installed_digests(self._declared)

    def checkpoints(self) -> Path:
        """Return the folder for checkpoints, which outlive this run and this workspace."""
        folder = lasting_folder() / CHECKPOINTS_NAME
        self._audit.allow(folder)
        return folder

    def _assert_declared(self, key: str, name: str, declared: tuple[str, ...]) -> None:
        if name not in declared:
            stage = self._declared.stage
            raise RunError(f"dvc.yaml: stage {stage} uses {name}, which is not among its {key}; add it there")


def run_stage(name: str, work: Callable[[Stage], None], *, shared: bool = False) -> None:
    """Run one stage and end the process: 0 done, 1 the run failed, 2 the input is wrong.

    Args:
        shared: whether several processes may do the work together.
    """
    gc.freeze()  # imported objects stay: the collector need not visit them again
    gc.enable()
    end_with_parent()
    rank = current_rank() if shared else None
    if rank is not None and rank.rank > 0:
        sys.exit(run_for_exit_code(lambda: _run_worker(name, work, rank), name))
    sys.exit(run_for_exit_code(lambda: _run(name, work), name))


def _run(name: str, work: Callable[[Stage], None]) -> None:
    document = read_yaml(Path("params.yaml"))
    workspace = scratch_folder()
    workspace.mkdir(parents=True, exist_ok=True)
    with single_instance(workspace / "lock", name):
        remove_recorded_checkpoints(lasting_folder() / CHECKPOINTS_NAME, Path("dvc.lock"))
        declared = read_declaration(name, document)
        assert_installed(declared)
        run_check(name, document, workspace)
        before = take_fingerprints(declared.deps)
        with _empty_folder(workspace / "outs" / name) as scratch:
            with Audit(name, (*declared.deps, *declared.params_files), scratch) as audit:
                work(Stage(declared, document, scratch, before, audit))
            assert_unchanged(before)
            _move_outputs(declared, scratch)


def _run_worker(name: str, work: Callable[[Stage], None], rank: Rank) -> None:
    """Run the stage in a process that is not the first: it takes no lock, and what it writes is thrown away.

    The first process of each machine takes fingerprints, so that machines can compare them.
    """
    document = read_yaml(Path("params.yaml"))
    declared = read_declaration(name, document)
    assert_installed(declared)
    before = take_fingerprints(declared.deps) if rank.local_rank == 0 else {}
    scratch = scratch_folder() / "outs" / f"{name}-{rank.rank}"
    with _empty_folder(scratch), Audit(name, (*declared.deps, *declared.params_files), scratch) as audit:
        try:
            work(Stage(declared, document, scratch, before, audit))
        except InputError as error:
            if rank.local_rank > 0:  # the first process of this machine reports the same
                sys.exit(error.exit_code)
            raise


@contextmanager
def _empty_folder(path: Path) -> Iterator[Path]:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _move_outputs(declared: Declaration, scratch: Path) -> None:
    missing = [out for out in declared.outs if not (scratch / out).exists()]
    if missing:
        raise RunError(f"dvc.yaml: stage {declared.stage} did not write {', '.join(missing)}")
    for out in declared.outs:
        target = Path(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(scratch / out, target)


def remove_recorded_checkpoints(runs: Path, lock_file: Path) -> None:
    """Remove the crash checkpoints of each run whose weights dvc.lock names: it is complete and recorded."""
    finished = list(runs.glob(f"*/{FINISHED_NAME}"))
    recorded = lock_file.read_text(encoding="utf-8") if finished and lock_file.exists() else ""
    for path in finished:
        if path.read_text(encoding="utf-8") in recorded:
            remove_folder(path.parent)
    with suppress(OSError):  # it holds those of other runs, or there were none
        runs.rmdir()


def remove_folder(folder: Path) -> None:
    """Remove a folder of files; another process may remove it at the same time."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
