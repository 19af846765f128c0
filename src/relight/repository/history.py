"""Commits and experiments by name.

DVC's experiments, from the Git references that DVC keeps them under: 200 of them in the time of one process.

`refs/exps/BASELINE[:2]/BASELINE[2:]/NAME` points to an experiment's commit; the folders `apply`, `celery`, `exec` and
`temp` and the reference `stash` beside them are DVC's own. Names and groups are those of `dvc exp list`.

A name that a person gives to a state of the project: a commit, a tag, a branch, or an experiment of DVC.

Where in Git's history a hash was recorded, and which bytes a commit holds.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from relight.errors import InputError, RunError
from relight.repository.git import files_at, git
from relight.repository.objects import FOLDER, md5_of_folder

PLACE = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/([^/]+)")
FAILED = "refs/exps/celery/failed"
QUEUED = re.compile(r"commit: dvc-exp:[0-9a-f]+:([0-9a-f]+):([^:]*)")
LOCK = "dvc.lock"
EXPERIMENT = "experiment "
_OUTS = re.compile(rb"^    outs:\n((?:    [- ] .*\n)*)", re.MULTILINE)  # a hundred times as fast as reading the YAML


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


def commit_of(name: str) -> str:
    """The commit that is meant. An experiment of the Git remote comes with the call, without its files.

    Raises:
        InputError: when nothing is called so, or several experiments are.
        RunError: when the Git remote cannot be asked, or has another experiment of a name that is taken here.
    """
    known = commits_of([name])
    remote = None if known else _git_remote()
    if remote is not None:
        _fetch_experiment(remote, name)
    return commit_named(name, known, experiments(), git("rev-parse", "HEAD"), remote)


def _git_remote() -> str | None:
    names = git("remote").split()
    return "origin" if "origin" in names else next(iter(names), None)


def _fetch_experiment(remote: str, name: str) -> None:
    """By Git itself: `dvc exp pull` does not heed the SSH settings of Git, and ends well where files are missing."""
    listed = (line.split("\t") for line in git("ls-remote", remote, f"refs/exps/*/{name}").splitlines())
    refs = [ref for _commit, ref in listed if (place := PLACE.fullmatch(ref)) and place[3] == name]
    if refs:
        git("fetch", "--quiet", remote, *(f"{ref}:{ref}" for ref in refs))


class Commit(NamedTuple):
    """
    Attributes:
        day: of the author, as 2030-12-31.
    """

    id: str
    day: str
    subject: str


def commits_that_record(md5: str, where: str = "--all") -> list[Commit]:
    """Those that brought a hash into dvc.lock, the newest first.

    A merge counts where the hash is in none of its parents.

    Args:
        where: a revision, for its history alone; else all branches, tags and experiments.
    """
    found = _log(where, "-c", "-s", f"-S{md5}")
    holding = _holding([commit.id for commit in found], md5)  # others took it out
    return [commit for commit in found if commit.id in holding]


def last_run_that_records(md5: str) -> Commit | None:
    """The last commit before HEAD, or HEAD, that changed dvc.lock, where the hash is in it still.

    What made it then, with the code of that commit, may be another run than the first, to the same bytes.
    """
    last, found = _log("HEAD", "-1"), commits_that_record(md5, "HEAD")
    holding = _holding([commit.id for commit in (*last, *found)], md5)
    return last[0] if last and last[0].id in holding else None


def _log(*arguments: str) -> list[Commit]:
    said = git("log", *arguments, "--format=%H%x09%as%x09%s", "--", LOCK)
    return [Commit(*line.split("\t", 2)) for line in said.splitlines()]


def names_that_record(md5: str) -> list[str]:
    """Branches, tags and experiments whose dvc.lock, as they stand now, has a hash among what the stages wrote."""
    refs = git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes", "refs/exps").split()
    holding = _holding(refs, md5)
    names = [name for ref in refs if ref in holding and (name := _name(ref))]
    return sorted(names, key=lambda name: name.startswith(EXPERIMENT))  # there may be hundreds of them


def _holding(revisions: list[str], md5: str) -> set[str]:
    """Those in whose dvc.lock a stage wrote the hash; if none did, those in which one read it."""
    locks = files_at((revision, LOCK) for revision in revisions)
    read = {revision for (revision, _), lock in locks.items() if md5.encode() in lock}
    wrote = {
        revision for revision in read if any(md5.encode() in outs for outs in _OUTS.findall(locks[revision, LOCK]))
    }
    return wrote or read


def _name(ref: str) -> str:
    """What a person calls it; of DVC's own notes, nothing."""
    _, kind, rest = ref.split("/", 2)
    if kind != "exps":
        return {"heads": "", "remotes": "", "tags": "tag "}[kind] + rest
    place = PLACE.fullmatch(ref)
    return EXPERIMENT + place[3] if place else ""


def committed(revision: str, entries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that a commit holds with these very bytes.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder.
    """
    asked = set(entries)
    folders = sorted({path for path, md5 in asked if md5.endswith(FOLDER)})
    said = git("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders) if folders else ""
    inside = [path for path in said.split("\0") if path]
    files = [path for path, md5 in asked if not md5.endswith(FOLDER)]
    contents = files_at((revision, path) for path in {*files, *inside})
    held = {path: _md5(content) for (_, path), content in contents.items()}
    for folder in folders:
        within = [(path.removeprefix(f"{folder}/"), held[path]) for path in inside if path.startswith(f"{folder}/")]
        held[folder] = md5_of_folder(within)
    return {(path, md5) for path, md5 in asked if held.get(path) == md5}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
