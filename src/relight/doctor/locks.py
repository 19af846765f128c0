"""Stale locks and processes.

DVC's list of who is busy (rwlock), and our lock of the stages.

DVC's rwlock files and our lock of the stages, as they lie there.

Which processes live, and what they are.
"""

import fcntl
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from relight.doctor.finding import CheckResult, Finding, abbreviated

OWN_DVC_MODULES = {"relight.sweep.dvc_child", "relight.sweep.worker"}  # modules that run dvc in their own process
RWLOCK_PATHS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))
STAGE_LOCK_PATH = Path(".dvc/tmp/relight/lock")


def is_dvc_command(words: tuple[str, ...]) -> bool:
    """Whether a command line is that of a dvc that works on a repository."""
    names = [word.rsplit("/", 1)[-1] for word in words[:5]]
    return not OWN_DVC_MODULES.isdisjoint(names) or ("dvc" in names and "daemon" not in names)


def rwlock_findings(
    *,
    path: str,
    owners: Mapping[int, str] | None,
    written: float,
    living: Mapping[int, tuple[tuple[str, ...], float]],
) -> list[Finding]:
    """Asked when no dvc works on the repository.

    Args:
        owners: the command of each process that the file names, by its pid; None where it cannot be read.
        written: when the file was last written, in seconds since 1970.
        living: the words and the start of each process of this machine.
    """
    mend = (("rm", path),)
    if owners is None:
        return [
            Finding(f"{path} is cut short or damaged", "every dvc command that runs something stops at it", mend, True)
        ]
    stale = [
        f"pid {pid}, {_process_text(living.get(pid))}"
        for pid, command in owners.items()
        if pid not in living or not _owns_lock(command, written, *living[pid])
    ]
    if not stale:
        return []
    why = "dvc warns of it, or waits for a stranger that has the number now"
    return [Finding(f"{path} names a dvc that is gone ({abbreviated(stale)})", why, mend, len(stale) == len(owners))]


def stage_lock_findings(*, holder: str | None) -> list[Finding]:
    """Asked when no dvc works on the repository.

    Args:
        holder: the stage and the pid in the lock, where a process holds it.
    """
    if holder is None:
        return []
    pid = holder.rsplit(" ", 1)[-1]
    return [
        Finding(
            f"a stage still runs ({holder}), though its dvc is gone",
            "what it trains is recorded nowhere, and no other stage can run beside it",
            (("kill", pid),),
            note="it keeps a checkpoint when it ends; `dvc repro` goes on from there",
        )
    ]


def _owns_lock(command: str, written: float, words: tuple[str, ...], started: float) -> bool:
    """Whether a living process can be the one that wrote its pid there, not a later one with the same number."""
    return started <= written and (is_dvc_command(words) or " ".join(words).endswith(command))


def _process_text(process: tuple[tuple[str, ...], float] | None) -> str:
    if process is None or not process[0]:
        return "dead"
    return f"now `{' '.join(process[0])[:40]}`"


class RwLock(NamedTuple):
    """
    Attributes:
        owners: the command of each process in it by its pid; None where it cannot be read.
        written: seconds since 1970.
    """

    path: str
    owners: dict[int, str] | None
    written: float


def read_rwlocks() -> list[RwLock]:
    return [RwLock(str(path), _owners(path), path.stat().st_mtime) for path in RWLOCK_PATHS if path.exists()]


def stage_lock_holder() -> str | None:
    """What stands in the lock of the stages, where a process holds it."""
    if not STAGE_LOCK_PATH.exists():
        return None
    with open(STAGE_LOCK_PATH, encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip()
    return None


def _owners(path: Path) -> dict[int, str] | None:
    """The shape that dvc/rwlock.py asks for: one writer or a list of readers of each file."""
    try:
        content = json.loads(path.read_bytes())
        infos: list[dict[str, Any]] = list(content.get("write", {}).values())
        infos += [info for readers in content.get("read", {}).values() for info in readers]
        return {int(info["pid"]): str(info["cmd"]) for info in infos if info}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class Process(NamedTuple):
    """
    Attributes:
        words: its command line; of a process that is dead and waits for its parent, none.
        folder: where it works; None where the system does not say.
        started: seconds since 1970.
    """

    pid: int
    words: tuple[str, ...]
    folder: str | None
    started: float


def list_processes() -> list[Process]:
    """All of this machine that can be asked."""
    living = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd", "create_time"]):
        info = process.info
        living.append(Process(info["pid"], tuple(info["cmdline"] or ()), info["cwd"], info["create_time"] or 0.0))
    return living


def is_within(folder: str | None, root: Path) -> bool:
    """Whether a process works there; where the system does not say, it may."""
    return folder is None or Path(folder).is_relative_to(root)


def check_locks(everybody: list[Process]) -> CheckResult:
    living = {process.pid: (process.words, process.started) for process in everybody}
    files = read_rwlocks()
    findings = [finding for file in files for finding in rwlock_findings(**file._asdict(), living=living)]
    findings += stage_lock_findings(holder=stage_lock_holder())
    return CheckResult("locks", f"rwlock files: {len(files)}; the lock of the stages", findings)
