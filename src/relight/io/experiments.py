"""DVC's experiments, from the Git references that DVC keeps them under: 200 of them in the time of one process.

`refs/exps/BASELINE[:2]/BASELINE[2:]/NAME` points to an experiment's commit; the folders `apply`, `celery`, `exec` and
`temp` and the reference `stash` beside them are DVC's own. Names and groups are those of `dvc exp list`.
"""

import os
import re
import subprocess
from typing import NamedTuple

from relight.errors import InputError, RunError
from relight.io.git import git

PLACE = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/([^/]+)")
FAILED = "refs/exps/celery/failed"
QUEUED = re.compile(r"commit: dvc-exp:[0-9a-f]+:([0-9a-f]+):([^:]*)")


class Experiment(NamedTuple):
    name: str
    commit: str
    baseline: str


def experiments() -> list[Experiment]:
    """All of this repository, by name."""
    listed = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    found = [(line.split(" ", 1)[0], PLACE.fullmatch(line.split(" ", 1)[1])) for line in listed.splitlines()]
    return sorted(Experiment(at[3], commit, at[1] + at[2]) for commit, at in found if at is not None)


def failed_experiments(baseline: str) -> list[str]:
    """The names, where they have one, or the commits of those of the queue that ended with an error."""
    if not git("for-each-ref", FAILED):
        return []
    logged = git("log", "-g", "--format=%h %gs", FAILED, "--")
    entries = [(line.split(" ", 1)[0], QUEUED.match(line.split(" ", 1)[1])) for line in logged.splitlines()]
    return sorted(entry[2] or commit for commit, entry in entries if entry is not None and entry[1] == baseline)


def commits_of(names: list[str]) -> dict[str, str]:
    """The commit that each name is of to Git: a branch, a tag, a commit or the start of one. Others are left out."""
    asked = "".join(f"{name}^{{commit}}\n" for name in names)
    command = ["git", "cat-file", "--batch-check=%(objectname) %(objecttype)"]
    done = subprocess.run(command, input=os.fsencode(asked), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(f"git cat-file: {os.fsdecode(done.stderr).strip()}")
    answers = os.fsdecode(done.stdout).splitlines()
    return {name: line.split()[0] for name, line in zip(names, answers, strict=True) if line.endswith(" commit")}


def commit_named(
    name: str, known: dict[str, str], among: list[Experiment], head: str, remote: str | None = None
) -> str:
    """As DVC reads a name: Git's, else an experiment's, and of several those of HEAD first.

    Args:
        known: what Git knows of the names.
        remote: of Git, where it was asked, too.

    Raises:
        InputError: for a name of nothing, or of several experiments elsewhere.
    """
    if name in known:
        return known[name]
    named = [each for each in among if each.name == name]
    here = [each for each in named if each.baseline == head] or named
    if not here:
        lists = ("dvc", "exp", "list", "--all", *([remote] if remote else []))
        raise InputError(f"{name}: is no experiment, commit, branch or tag; `{' '.join(lists)}` has their names")
    if len(here) > 1:
        listed = ", ".join(f"{each.commit[:7]} on {each.baseline[:7]}" for each in here)
        raise InputError(f"{name}: is the name of several experiments ({listed}); name one by its commit")
    return here[0].commit
