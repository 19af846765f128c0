"""Leftovers of the queue.

What a killed worker or a killed `dvc exp run --temp` leaves. Asked when no dvc works on the repository.

DVC's queue of experiments as it lies in .dvc/tmp/exps: tasks, their processes, their temporary folders.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relight.doctor.finding import Command, Finding, Look
from relight.doctor.locks import Process, is_within
from relight.errors import RunError
from relight.repository.git import git

FAILED = "refs/exps/celery/failed"  # where DVC keeps what failed tasks were queued with
EXPS = Path(".dvc/tmp/exps")
TAKEN, RESULTS, RUNS = EXPS / "celery/broker/processed", EXPS / "celery/result", EXPS / "run"
TASK = "dvc.repo.experiments.queue.tasks.run_exp"


def of_task(
    *, commit: str, name: str, head: str, baseline: str, pid: int | None, pid_file: str, is_taken: bool
) -> list[Finding]:
    """One that says Running though nothing runs.

    Args:
        commit: what it was queued with.
        pid: of the process that ran it, where it had begun.
        is_taken: whether the pid is now that of a process that is no dvc: DVC would kill it.
    """
    keep = ("git", "update-ref", "--create-reflog", "-m", f"commit: dvc-exp:{head}:{baseline}:{name}", FAILED, commit)
    forget: tuple[Command, ...] = (("rm", pid_file),) if is_taken else ()
    process = "it had not begun" if pid is None else f"pid {pid} is gone"
    return [
        Finding(
            f"queue task {name} ({commit[:7]}) says Running, and its worker is dead ({process})",
            "it stays so for ever, and no worker takes it again",
            (keep, *forget, ("dvc", "queue", "kill", "--force", commit[:7])),
            is_safe=True,
            remark=f"it says Failed then; what it asked for stays: `git show {commit[:7]}:params.yaml`",
        )
    ]


def of_folder(
    *, path: str, n_bytes: int, asked_for: str | None, is_known: bool, fetch: Sequence[str], user: int | None
) -> list[Finding]:
    """A temporary workspace that no dvc uses.

    Args:
        asked_for: the commit with the experiment's params and files, if the repository has it.
        is_known: whether the queue keeps that commit.
        fetch: finished experiments that are only there: refs.
        user: the pid of another process that works in it.
    """
    what = f"{path}: the workspace of an experiment that was killed ({n_bytes / 1e6:.1f} MB)"
    if user is not None:
        return [
            Finding(f"{what}, in which pid {user} still works", "nobody collects its result", (("kill", str(user)),))
        ]
    keep: list[Command] = [("git", "fetch", path, f"{ref}:{ref}") for ref in fetch]
    if asked_for is not None and not is_known:
        keep.append(("git", "stash", "store", "-m", "experiment, killed in its temporary folder", asked_for))
    why = "nobody goes on with it, and it holds a copy of .dvc/config.local"
    kept = "what it asked for stays in `git stash list`" if asked_for is not None and not is_known else ""
    return [Finding(what, why, (*keep, ("rm", "-rf", path)), True, remark=kept)]


class Task(NamedTuple):
    """One that a worker has taken and not ended.

    Attributes:
        commit: what it was queued with.
        pid: of the process that runs it, where it has begun.
        pid_file: where the pid stands.
    """

    commit: str
    name: str
    head: str
    baseline: str
    pid: int | None
    pid_file: str


class Folder(NamedTuple):
    """The workspace of one experiment, beside that of the person.

    Attributes:
        asked_for: the commit with its params and files, if the repository has it.
        fetch: its finished experiments that the repository has not: refs.
    """

    path: str
    n_bytes: int
    asked_for: str | None
    fetch: tuple[str, ...]


def taken_tasks() -> list[Task]:
    """Those that `dvc queue status` calls Running."""
    found = []
    for path in sorted(TAKEN.glob("*.celery.msg")):
        message = _json(path)
        if message.get("headers", {}).get("task") != TASK:
            continue
        if not (RESULTS / f"celery-task-meta-{message['headers']['id']}").exists():
            found.append(_task(json.loads(base64.b64decode(message["body"]))[0][0]))
    return found


def folders() -> list[Folder]:
    """Of queued and of `--temp` experiments."""
    found = sorted([*EXPS.glob("tmp*"), *EXPS.glob("standalone/tmp*")])
    return [_folder(path) for path in found if path.is_dir()]


def _task(entry: dict[str, str]) -> Task:
    commit = entry["stash_rev"]
    pid_file = RUNS / commit / f"{commit}.json"
    pid = _json(pid_file).get("pid")
    return Task(commit, entry["name"] or commit[:7], entry["head_rev"], entry["baseline_rev"], pid, str(pid_file))


def _folder(path: Path) -> Folder:
    refs = _refs_of(path)
    asked_for = next((commit for ref, commit in refs if ref.endswith("/EXEC_MERGE")), None)
    results = [(ref, commit) for ref, commit in refs if not ref.startswith("refs/exps/exec/")]
    return Folder(
        str(path),
        sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir()),
        asked_for if asked_for and _has(asked_for) else None,
        tuple(ref for ref, commit in results if not _has(commit)),
    )


def _refs_of(path: Path) -> list[tuple[str, str]]:
    """None where a kill came before its repository was whole."""
    if not (path / ".git").is_dir():  # or Git would answer for the repository around it
        return []
    try:
        listed = git("-C", str(path), "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    except RunError:
        return []
    pairs = [line.split(" ") for line in listed.splitlines()]
    return [(ref, commit) for ref, commit in pairs]


def _has(commit: str) -> bool:
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}")
    except RunError:
        return False
    return True


def _json(path: Path) -> dict[str, Any]:
    """Nothing where there is no file, or half of one."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def known_commits() -> set[str]:
    """What waiting and failed tasks were queued with."""
    found: set[str] = set()
    for ref in ("refs/exps/celery/stash", "refs/exps/celery/failed"):
        try:
            found |= set(git("reflog", "show", "--format=%H", ref).split())
        except RunError:  # there is none
            continue
    return found


def look_at_queue(everybody: list[Process]) -> Look:
    tasks, workspaces = taken_tasks(), folders()
    words = {process.pid: process.words for process in everybody}
    found = []
    for task in tasks:
        is_taken = task.pid is not None and bool(words.get(task.pid))
        found += of_task(**task._asdict(), is_taken=is_taken)
    known = {task.commit for task in tasks} | known_commits()
    for folder in workspaces:
        users = (process.pid for process in everybody if _works_in(process, folder.path))
        is_known = folder.asked_for in known
        found += of_folder(**folder._asdict(), is_known=is_known, user=next(users, None))
    return Look("queue", f"tasks that say Running: {len(tasks)}; temporary folders: {len(workspaces)}", found)


def _works_in(process: Process, folder: str) -> bool:
    return process.folder is not None and is_within(process.folder, Path(folder).resolve())
