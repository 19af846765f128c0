"""DVC's queue of experiments as it lies in .dvc/tmp/exps: tasks, their processes, their temporary folders."""

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple

from relight.errors import RunError
from relight.io.git import git

EXPS = Path(".dvc/tmp/exps")
TAKEN, RESULTS, RUNS = EXPS / "celery/broker/processed", EXPS / "celery/result", EXPS / "run"
TASK = "dvc.repo.experiments.queue.tasks.run_exp"


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
