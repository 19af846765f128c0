"""Tasks and temporary workspaces of DVC's queue (.dvc/tmp/exps) that a killed worker or `dvc exp run --temp` left.

They are looked at while no dvc works on the repository.
"""

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.doctor.locks import Process, is_within
from relight.repository.git import git_or_none
from relight.repository.history import FAILED_TASKS_REF
from relight.runtime.workspace import in_repository

QUEUED_TASKS_REF = "refs/exps/celery/stash"  # its reflog: the commits that waiting tasks were queued with
EXPERIMENTS_FOLDER = ".dvc/tmp/exps"  # from the top of the repository; the queue is one for all models
TAKEN_TASKS_FOLDER, RESULTS_FOLDER, RUNS_FOLDER = "celery/broker/processed", "celery/result", "run"
TASK_NAME = "dvc.repo.experiments.queue.tasks.run_exp"


class RunningTask(NamedTuple):
    """A task that a worker has taken and not finished.

    Attributes:
        commit: the one it was queued with.
        pid: that of its process, if it has begun.
        pid_file: the file that holds the pid.
    """

    commit: str
    name: str
    head: str
    baseline: str
    pid: int | None
    pid_file: str


class TemporaryWorkspace(NamedTuple):
    """The workspace of one queued or `--temp` experiment.

    Attributes:
        prepared: the commit with its params and files, if the repository has it.
        unfetched: refs of its finished experiments that the repository lacks.
    """

    path: str
    n_bytes: int
    prepared: str | None
    unfetched: tuple[str, ...]


def running_tasks() -> list[RunningTask]:
    """Return the tasks that `dvc queue status` calls Running."""
    tasks = []
    for path in sorted(_experiments_folder(TAKEN_TASKS_FOLDER).glob("*.celery.msg")):
        message = _read_json(path)
        if message.get("headers", {}).get("task") != TASK_NAME:
            continue
        if not _experiments_folder(RESULTS_FOLDER, f"celery-task-meta-{message['headers']['id']}").exists():
            tasks.append(_running_task(json.loads(base64.b64decode(message["body"]))[0][0]))
    return tasks


def _experiments_folder(*below: str) -> Path:
    return in_repository(Path(EXPERIMENTS_FOLDER, *below))


def _running_task(entry: dict[str, str]) -> RunningTask:
    commit = entry["stash_rev"]
    pid_file = _experiments_folder(RUNS_FOLDER, commit, f"{commit}.json")
    pid = _read_json(pid_file).get("pid")
    name = entry["name"] or commit[:7]
    return RunningTask(commit, name, entry["head_rev"], entry["baseline_rev"], pid, str(pid_file))


def _read_json(path: Path) -> dict[str, Any]:
    """Return the content; empty if there is no file, or half of one."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def queued_commits() -> set[str]:
    """Return the commits that waiting and failed tasks were queued with."""
    reflogs = [git_or_none("reflog", "show", "--format=%H", ref) for ref in (QUEUED_TASKS_REF, FAILED_TASKS_REF)]
    return {commit for reflog in reflogs for commit in (reflog or "").split()}


def temporary_workspaces() -> list[TemporaryWorkspace]:
    """Return the workspaces of queued and of `--temp` experiments."""
    folder = _experiments_folder()
    paths = sorted([*folder.glob("tmp*"), *folder.glob("standalone/tmp*")])
    return [_temporary_workspace(path) for path in paths if path.is_dir()]


def _temporary_workspace(path: Path) -> TemporaryWorkspace:
    refs = _experiment_refs(path)
    prepared = next((commit for ref, commit in refs if ref.endswith("/EXEC_MERGE")), None)
    results = [(ref, commit) for ref, commit in refs if not ref.startswith("refs/exps/exec/")]
    return TemporaryWorkspace(
        str(path),
        sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir()),
        prepared if prepared and _has_commit(prepared) else None,
        tuple(ref for ref, commit in results if not _has_commit(commit)),
    )


def _experiment_refs(path: Path) -> list[tuple[str, str]]:
    """Return refs and their commits; none if a kill came before the Git repository was complete."""
    if not (path / ".git").is_dir():  # or Git would answer for the repository around it
        return []
    listed = git_or_none("-C", str(path), "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps") or ""
    pairs = [line.split(" ") for line in listed.splitlines()]
    return [(ref, commit) for ref, commit in pairs]


def _has_commit(commit: str) -> bool:
    return git_or_none("cat-file", "-e", f"{commit}^{{commit}}") is not None


def task_finding(task: RunningTask, *, is_pid_taken: bool) -> Finding:
    """Return how to mark a task that says Running as Failed.

    Args:
        is_pid_taken: whether the pid is now that of an unrelated process, which `dvc queue kill` would kill.
    """
    message = f"commit: dvc-exp:{task.head}:{task.baseline}:{task.name}"
    keep = ("git", "update-ref", "--create-reflog", "-m", message, FAILED_TASKS_REF, task.commit)
    forget: tuple[Command, ...] = (("rm", task.pid_file),) if is_pid_taken else ()
    kill = ("dvc", "queue", "kill", "--force", task.commit[:7])
    process = "it had not begun" if task.pid is None else f"pid {task.pid} is gone"
    return Finding(
        f"queue task {task.name} ({task.commit[:7]}) says Running, and its worker is dead ({process})",
        "its status never changes, and no worker takes it again",
        (keep, *forget, kill),
        is_safe=True,
        note=f"its status is Failed then; its params stay: `git diff {task.baseline[:7]} {task.commit[:7]}`",
    )


def workspace_finding(workspace: TemporaryWorkspace, *, is_queued: bool, user: int | None) -> Finding:
    """Return how to remove a temporary workspace, after what is only there has been saved.

    Args:
        is_queued: whether the queue keeps the commit with its params and files.
        user: the pid of a process that works in it.
    """
    path = workspace.path
    problem = f"{path}: the workspace of an experiment that was killed ({workspace.n_bytes / 1e6:.1f} MB)"
    if user is not None:
        return Finding(f"{problem}, in which pid {user} still works", "its result is lost", (("kill", str(user)),))
    # an absolute path, because Git takes a relative one from the top of the repository
    save: list[Command] = [("git", "fetch", os.path.abspath(path), f"{ref}:{ref}") for ref in workspace.unfetched]
    note = ""
    if workspace.prepared is not None and not is_queued:
        message = "experiment, killed in its temporary folder"
        save.append(("git", "stash", "store", "-m", message, workspace.prepared))
        note = "its params and files stay in `git stash list`"
    reason = "no run continues it, and it holds a copy of .dvc/config.local"
    return Finding(problem, reason, (*save, ("rm", "-rf", path)), is_safe=True, note=note)


def check_queue(processes: Sequence[Process]) -> CheckResult:
    """Look at the queue and the temporary workspaces."""
    tasks, workspaces = running_tasks(), temporary_workspaces()
    words = {process.pid: process.words for process in processes}
    findings = [task_finding(task, is_pid_taken=task.pid is not None and bool(words.get(task.pid))) for task in tasks]
    commits = {task.commit for task in tasks} | queued_commits()
    for workspace in workspaces:
        users = (process.pid for process in processes if _works_in(process, workspace.path))
        is_queued = workspace.prepared in commits
        findings.append(workspace_finding(workspace, is_queued=is_queued, user=next(users, None)))
    return CheckResult("queue", f"tasks that say Running: {len(tasks)}; temporary folders: {len(workspaces)}", findings)


def _works_in(process: Process, folder: str) -> bool:
    return process.folder is not None and is_within(process.folder, Path(folder).resolve())
