"""Locks whose process is gone: DVC's rwlock files, which list the processes at work, and our lock of the stages."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from relight.doctor.finding import CheckResult, Finding
from relight.runtime.lifetime import is_locked
from relight.runtime.messages import abbreviate
from relight.runtime.workspace import in_repository, scratch_folder

OWN_DVC_MODULES = {"relight.sweep.dvc_child", "relight.sweep.worker"}  # they run dvc in their own process
RWLOCK_PATHS = (".dvc/tmp/rwlock", ".dvc/tmp/exps/rwlock")  # from the top of the repository


class Process(NamedTuple):
    """A process of this machine.

    Attributes:
        words: its command line; empty if it is dead and waits for its parent.
        folder: where it works; None if the system does not tell.
        started: seconds since 1970.
    """

    pid: int
    words: tuple[str, ...]
    folder: str | None
    started: float


class RwLock(NamedTuple):
    """A file in which DVC lists the processes that read and write outs.

    Attributes:
        owners: the command of each process by its pid; None if the file cannot be read.
        written: when it was last written, in seconds since 1970.
    """

    path: str
    owners: dict[int, str] | None
    written: float


def list_processes() -> list[Process]:
    """Return all processes of this machine."""
    processes = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "create_time"]):
        info = process.info
        processes.append(Process(info["pid"], tuple(info["cmdline"] or ()), info["cwd"], info["create_time"] or 0.0))
    return processes


def is_within(folder: str | None, root: Path) -> bool:
    """Return whether a process may work below a folder; True if the system does not tell where it works."""
    return folder is None or Path(folder).is_relative_to(root)


def is_dvc_command(words: Sequence[str]) -> bool:
    """Return whether a command line is that of a dvc that works on a repository."""
    names = [word.rsplit("/", 1)[-1] for word in words[:5]]
    return not OWN_DVC_MODULES.isdisjoint(names) or ("dvc" in names and "daemon" not in names)


def read_rwlocks() -> list[RwLock]:
    """Return DVC's rwlock files."""
    paths = [in_repository(path) for path in RWLOCK_PATHS]
    return [RwLock(str(path), _owners(path), path.stat().st_mtime) for path in paths if path.exists()]


def _owners(path: Path) -> dict[int, str] | None:
    """Parse the format of dvc/rwlock.py: one writer or a list of readers for each path."""
    try:
        content = json.loads(path.read_bytes())
        infos: list[dict[str, Any]] = list(content.get("write", {}).values())
        infos += [info for readers in content.get("read", {}).values() for info in readers]
        return {int(info["pid"]): str(info["cmd"]) for info in infos if info}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def rwlock_findings(lock: RwLock, processes: Mapping[int, Process]) -> list[Finding]:
    """Return a finding if the file names a process that is gone. To be called while no dvc works on the repository.

    Args:
        processes: those of this machine, by pid.
    """
    remove = (("rm", lock.path),)
    if lock.owners is None:
        problem = f"{lock.path} is cut short or damaged"
        return [Finding(problem, "every dvc command that runs a stage fails on it", remove, is_safe=True)]
    stale = [pid for pid, command in lock.owners.items() if not _owns_lock(command, lock.written, processes.get(pid))]
    if not stale:
        return []
    gone = abbreviate(f"pid {pid}, {_process_text(processes.get(pid))}" for pid in stale)
    reason = "dvc warns of it, or waits for an unrelated process that has the same pid now"
    is_safe = len(stale) == len(lock.owners)
    return [Finding(f"{lock.path} names a dvc that is gone ({gone})", reason, remove, is_safe=is_safe)]


def _owns_lock(command: str, written: float, process: Process | None) -> bool:
    """Return whether a process may have written its pid there, and is not a later one with the same pid."""
    if process is None or process.started > written:
        return False
    return is_dvc_command(process.words) or " ".join(process.words).endswith(command)


def _process_text(process: Process | None) -> str:
    if process is None or not process.words:
        return "dead"
    return f"now `{' '.join(process.words)[:40]}`"


def stage_lock_holder() -> str | None:
    """Return the stage and pid in the lock of this model's stages, if a process holds it."""
    path = scratch_folder() / "lock"
    return path.read_text(encoding="utf-8").strip() if is_locked(path) else None


def stage_lock_findings(holder: str | None) -> list[Finding]:
    """Return a finding if a stage runs. To be called while no dvc works on the repository.

    Args:
        holder: the stage and the pid in the lock, if a process holds it.
    """
    if holder is None:
        return []
    problem = f"a stage still runs ({holder}), though its dvc is gone"
    reason = "its result will not be recorded, and no other stage can run meanwhile"
    kill = ("kill", holder.rsplit(" ", 1)[-1])
    note = "it writes a checkpoint when it ends; `dvc repro` continues from it"
    return [Finding(problem, reason, (kill,), note=note)]


def check_locks(processes: Sequence[Process]) -> CheckResult:
    """Look at the locks while no dvc works on the repository."""
    by_pid = {process.pid: process for process in processes}
    rwlocks = read_rwlocks()
    findings = [finding for lock in rwlocks for finding in rwlock_findings(lock, by_pid)]
    findings += stage_lock_findings(stage_lock_holder())
    return CheckResult("locks", f"rwlock files: {len(rwlocks)}; the lock of the stages", findings)
