"""Leftovers of the queue.

What a killed worker or a killed `dvc exp run --temp` leaves. Asked when no dvc works on the repository.

DVC's queue of experiments as it lies in .dvc/tmp/exps: tasks, their processes, their temporary folders.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.doctor.locks import Process, is_within
from relight.errors import RunError
from relight.repository.git import run_git

FAILED_TASKS_REF = "refs/exps/celery/failed"  # where DVC keeps what failed tasks were queued with
EXPERIMENTS_FOLDER = Path(".dvc/tmp/exps")
TAKEN_TASKS_FOLDER, RESULTS_FOLDER, RUNS_FOLDER = (
    EXPERIMENTS_FOLDER / "celery/broker/processed",
    EXPERIMENTS_FOLDER / "celery/result",
    EXPERIMENTS_FOLDER / "run",
)
TASK_NAME = "dvc.repo.experiments.queue.tasks.run_exp"


def task_findings(
    *, commit: str, name: str, head: str, baseline: str, pid: int | None, pid_file: str, is_taken: bool
) -> list[Finding]:
    """One that says Running though nothing runs.

    Args:
        commit: what it was queued with.
        pid: of the process that ran it, where it had begun.
        is_taken: whether the pid is now that of a process that is no dvc: DVC would kill it.
    """
    keep = (
        "git",
        "update-ref",
        "--create-reflog",
        "-m",
        f"commit: dvc-exp:{head}:{baseline}:{name}",
        FAILED_TASKS_REF,
        commit,
    )
    forget: tuple[Command, ...] = (("rm", pid_file),) if is_taken else ()
    process = "it had not begun" if pid is None else f"pid {pid} is gone"
    return [
        Finding(
            f"queue task {name} ({commit[:7]}) says Running, and its worker is dead ({process})",
            "it stays so for ever, and no worker takes it again",
            (keep, *forget, ("dvc", "queue", "kill", "--force", commit[:7])),
            is_safe=True,
            note=f"it says Failed then; what it asked for stays: `git show {commit[:7]}:params.yaml`",
        )
    ]


def workspace_findings(
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
    return [Finding(what, why, (*keep, ("rm", "-rf", path)), True, note=kept)]


class RunningTask(NamedTuple):
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


class TemporaryWorkspace(NamedTuple):
    """The workspace of one experiment, beside that of the person.

    Attributes:
        asked_for: the commit with its params and files, if the repository has it.
        fetch: its finished experiments that the repository has not: refs.
    """

    path: str
    n_bytes: int
    asked_for: str | None
    fetch: tuple[str, ...]


def running_tasks() -> list[RunningTask]:
    """Those that `dvc queue status` calls Running."""
    tasks = []
    for path in sorted(TAKEN_TASKS_FOLDER.glob("*.celery.msg")):
        message = _read_json(path)
        if message.get("headers", {}).get("task") != TASK_NAME:
            continue
        if not (RESULTS_FOLDER / f"celery-task-meta-{message['headers']['id']}").exists():
            tasks.append(_running_task(json.loads(base64.b64decode(message["body"]))[0][0]))
    return tasks


def temporary_workspaces() -> list[TemporaryWorkspace]:
    """Of queued and of `--temp` experiments."""
    paths = sorted([*EXPERIMENTS_FOLDER.glob("tmp*"), *EXPERIMENTS_FOLDER.glob("standalone/tmp*")])
    return [_temporary_workspace(path) for path in paths if path.is_dir()]


def _running_task(entry: dict[str, str]) -> RunningTask:
    commit = entry["stash_rev"]
    pid_file = RUNS_FOLDER / commit / f"{commit}.json"
    pid = _read_json(pid_file).get("pid")
    return RunningTask(
        commit, entry["name"] or commit[:7], entry["head_rev"], entry["baseline_rev"], pid, str(pid_file)
    )


def _temporary_workspace(path: Path) -> TemporaryWorkspace:
    refs = _refs_of(path)
    asked_for = next((commit for ref, commit in refs if ref.endswith("/EXEC_MERGE")), None)
    results = [(ref, commit) for ref, commit in refs if not ref.startswith("refs/exps/exec/")]
    return TemporaryWorkspace(
        str(path),
        sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir()),
        asked_for if asked_for and _has_commit(asked_for) else None,
        tuple(ref for ref, commit in results if not _has_commit(commit)),
    )


def _refs_of(path: Path) -> list[tuple[str, str]]:
    """None where a kill came before its repository was whole."""
    if not (path / ".git").is_dir():  # or Git would answer for the repository around it
        return []
    try:
        listed = run_git("-C", str(path), "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    except RunError:
        return []
    pairs = [line.split(" ") for line in listed.splitlines()]
    return [(ref, commit) for ref, commit in pairs]


def _has_commit(commit: str) -> bool:
    try:
        run_git("cat-file", "-e", f"{commit}^{{commit}}")
    except RunError:
        return False
    return True


def _read_json(path: Path) -> dict[str, Any]:
    """Nothing where there is no file, or half of one."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def queued_commits() -> set[str]:
    """What waiting and failed tasks were queued with."""
    commits: set[str] = set()
    for ref in ("refs/exps/celery/stash", "refs/exps/celery/failed"):
        try:
            commits |= set(run_git("reflog", "show", "--format=%H", ref).split())
        except RunError:  # there is none
            continue
    return commits


def check_queue(everybody: list[Process]) -> CheckResult:
    tasks, workspaces = running_tasks(), temporary_workspaces()
    words = {process.pid: process.words for process in everybody}
    findings = []
    for task in tasks:
        is_taken = task.pid is not None and bool(words.get(task.pid))
        findings += task_findings(**task._asdict(), is_taken=is_taken)
    commits = {task.commit for task in tasks} | queued_commits()
    for folder in workspaces:
        users = (process.pid for process in everybody if _is_inside(process, folder.path))
        is_known = folder.asked_for in commits
        findings += workspace_findings(**folder._asdict(), is_known=is_known, user=next(users, None))
    return CheckResult("queue", f"tasks that say Running: {len(tasks)}; temporary folders: {len(workspaces)}", findings)


def _is_inside(process: Process, folder: str) -> bool:
    return process.folder is not None and is_within(process.folder, Path(folder).resolve())
