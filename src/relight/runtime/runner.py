"""Runs one stage between DVC and work.

The check that runs beside a stage, before its work: all of params.yaml, and for prepare the data.

It is a process of its own (stages/check.py), so that no stage depends on the schemas of the others.
A state of params, code and source that has passed once is not checked again.

Crash checkpoints of runs that DVC has recorded: nobody needs them any more.

The stage runner: what stands between `dvc` and the work of every stage.

It validates all params before any work is done, gives the stage only what dvc.yaml declares,
hashes the dependencies at the start and checks them at the end, keeps the outputs in a scratch
folder until all of them are whole.
"""

import gc
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from relight.errors import InputError, RunError
from relight.runtime.audit import Audit
from relight.runtime.dependencies import (
    Declaration,
    Fingerprint,
    assert_unchanged,
    file_sha256,
    read_declaration,
    take_fingerprints,
)
from relight.runtime.lifetime import end_with_parent, single_instance
from relight.runtime.messages import run_for_exit_code
from relight.runtime.params import read_section
from relight.runtime.processes import Rank, current_rank
from relight.runtime.strict_yaml import Document, read_yaml

CODE_ROOT = Path(__file__).resolve().parent.parent
FINISHED_NAME = "finished"  # holds the MD5 of the weights, by which dvc.lock knows them
Params = TypeVar("Params", bound=BaseModel)
WORKSPACE = Path(".dvc/tmp/relight")
CHECKPOINTS_NAME = "checkpoints"


def run_check(stage: str, document: Document, workspace: Path) -> None:
    """Run the check unless this state has passed it; end the process with its exit code where it fails."""
    passed = {workspace / "checked-params": _state_of_params()}
    if stage == "prepare":
        passed[workspace / "checked-data"] = _state_of_params() + _state_of_source(document)
    if all(stamp.exists() and stamp.read_text() == state for stamp, state in passed.items()):
        return
    done = subprocess.run([sys.executable, "-m", "stages.check", stage], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    for stamp, state in passed.items():
        stamp.write_text(state)


def _state_of_params() -> str:
    code = [path.read_bytes() for path in sorted(CODE_ROOT.rglob("*.py"))]
    return hashlib.sha256(b"\0".join([Path("params.yaml").read_bytes(), *code])).hexdigest()


def _state_of_source(document: Document) -> str:
    """Sizes and times are enough: prepare itself reads every byte. The params may be wrong still."""
    prepare = document.value.get("prepare")
    source = Path(str(prepare.get("source"))) if isinstance(prepare, dict) else Path("?")
    paths = sorted(source.rglob("*")) if source.is_dir() else [source] if source.is_file() else []
    return repr([(path.name, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in paths])


def remove_recorded_checkpoints(runs: Path, lock_file: Path) -> None:
    """Remove the folder of each run whose weights dvc.lock names."""
    finished = list(runs.glob(f"*/{FINISHED_NAME}"))
    recorded = lock_file.read_text(encoding="utf-8") if finished and lock_file.exists() else ""
    for path in finished:
        if path.read_text(encoding="utf-8") in recorded:
            remove_folder(path.parent)
    with suppress(OSError):  # other runs have theirs in it, or there were none
        runs.rmdir()


def remove_folder(folder: Path) -> None:
    """A folder of files, as far as nobody else is about it."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


class Stage:
    """What a stage may touch: its params sections, its deps, its outs."""

    def __init__(
        self, declared: Declaration, document: Document, scratch: Path, before: dict[Path, Fingerprint], audit: Audit
    ) -> None:
        self._declared = declared
        self._document = document
        self._scratch = scratch
        self._before = before
        self._audit = audit

    def params(self, section: str, model: type[Params]) -> Params:
        """The params of a section that dvc.yaml declares for this stage."""
        self._hold("params", section, self._declared.sections)
        return read_section(self._document, section, model)

    def all_params(self) -> dict[str, object]:
        """Every declared section as it stands in params.yaml."""
        return {section: self._document.value[section] for section in self._declared.sections}

    def dep(self, path: str) -> Path:
        """A path that dvc.yaml declares as read by this stage."""
        self._hold("deps", path, self._declared.deps)
        return Path(path)

    def out(self, path: str) -> Path:
        """Where to write an out; it comes to its declared place when the whole stage is done."""
        self._hold("outs", path, self._declared.outs)
        staged = self._scratch / path
        staged.parent.mkdir(parents=True, exist_ok=True)
        return staged

    def live(self, path: str) -> Path:
        """The declared place of an out, for a first look at it while the stage runs. The real one takes its place."""
        self._hold("outs", path, self._declared.outs)
        self._audit.allow(Path(path))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path)

    def untracked(self, name: str) -> Path:
        """A file for what is true of this run alone: neither DVC nor Git sees it."""
        self._audit.allow(WORKSPACE / name)
        return WORKSPACE / name

    def digests(self) -> dict[str, str]:
        """Each file that the stage depends on, code and data, with the sha256 of its bytes at the start."""
        return {path.as_posix(): fingerprint.sha256 or file_sha256(path) for path, fingerprint in self._before.items()}

    def checkpoints(self) -> Path:
        """A folder for what must outlive this run and this workspace, should they end early."""
        folder = _checkpoints_root() / CHECKPOINTS_NAME
        self._audit.allow(folder)
        return folder

    def _hold(self, key: str, name: str, declared: tuple[str, ...]) -> None:
        if name not in declared:
            raise RunError(f"dvc.yaml: stage {self._declared.stage} uses {name}, which is not among its {key}")


def run_stage(name: str, work: Callable[[Stage], None], *, shared: bool = False) -> None:
    """Run one stage and end the process: 0 done, 1 the run failed, 2 the input is wrong.

    Args:
        shared: whether several processes may do the work together.
    """
    gc.freeze()  # what was imported stays: the collector need not look at it again
    gc.enable()
    end_with_parent()
    rank = current_rank() if shared else None
    if rank is not None and rank.rank > 0:
        sys.exit(run_for_exit_code(lambda: _run_worker(name, work, rank), name))
    sys.exit(run_for_exit_code(lambda: _run(name, work), name))


def _run(name: str, work: Callable[[Stage], None]) -> None:
    document = read_yaml(Path("params.yaml"))
    WORKSPACE.mkdir(parents=True, exist_ok=True)
    with single_instance(WORKSPACE / "lock", name):
        remove_recorded_checkpoints(_checkpoints_root() / CHECKPOINTS_NAME, Path("dvc.lock"))
        run_check(name, document, WORKSPACE)
        declared = read_declaration(name, document)
        before = take_fingerprints(declared.deps)
        with _scratch_folder(WORKSPACE / "outs" / name) as scratch:
            with Audit(name, declared.deps, scratch) as audit:
                work(Stage(declared, document, scratch, before, audit))
            assert_unchanged(before)
            _put_in_place(declared, scratch)


def _run_worker(name: str, work: Callable[[Stage], None], rank: Rank) -> None:
    """The part of a process that is not the first: it takes no lock, and what it writes is thrown away.

    The first of each other machine knows the digests, to compare them.
    """
    document = read_yaml(Path("params.yaml"))
    declared = read_declaration(name, document)
    before = take_fingerprints(declared.deps) if rank.local_rank == 0 else {}
    scratch = WORKSPACE / "outs" / f"{name}-{rank.rank}"
    with _scratch_folder(scratch), Audit(name, declared.deps, scratch) as audit:
        try:
            work(Stage(declared, document, scratch, before, audit))
        except InputError as error:
            if rank.local_rank > 0:  # the first process of this machine finds the same, and says it
                sys.exit(error.exit_code)
            raise


def _checkpoints_root() -> Path:
    """In a queued or temporary experiment `DVC_ROOT` is the repository, not the workspace that will be gone."""
    return Path(os.environ.get("DVC_ROOT", ".")) / WORKSPACE


@contextmanager
def _scratch_folder(path: Path) -> Iterator[Path]:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _put_in_place(declared: Declaration, scratch: Path) -> None:
    missing = [out for out in declared.outs if not (scratch / out).exists()]
    if missing:
        raise RunError(f"dvc.yaml: stage {declared.stage} did not write {', '.join(missing)}")
    for out in declared.outs:
        target = Path(out)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(scratch / out, target)
