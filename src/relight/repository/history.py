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
from relight.repository.git import read_files_at, run_git
from relight.repository.objects import FOLDER_SUFFIX, folder_md5

EXPERIMENT_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/([^/]+)")
FAILED_TASKS_REF = "refs/exps/celery/failed"
QUEUED_MESSAGE = re.compile(r"commit: dvc-exp:[0-9a-f]+:([0-9a-f]+):([^:]*)")
LOCK_FILE = "dvc.lock"
EXPERIMENT_PREFIX = "experiment "
_OUTS = re.compile(rb"^    outs:\n((?:    [- ] .*\n)*)", re.MULTILINE)  # a hundred times as fast as reading the YAML


class Experiment(NamedTuple):
    name: str
    commit: str
    baseline: str


def list_experiments() -> list[Experiment]:
    """All of this repository, by name."""
    listed = run_git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    matches = [(line.split(" ", 1)[0], EXPERIMENT_REF.fullmatch(line.split(" ", 1)[1])) for line in listed.splitlines()]
    return sorted(Experiment(at[3], commit, at[1] + at[2]) for commit, at in matches if at is not None)


def failed_experiments(baseline: str) -> list[str]:
    """The names, where they have one, or the commits of those of the queue that ended with an error."""
    if not run_git("for-each-ref", FAILED_TASKS_REF):
        return []
    logged = run_git("log", "-g", "--format=%h %gs", FAILED_TASKS_REF, "--")
    entries = [(line.split(" ", 1)[0], QUEUED_MESSAGE.match(line.split(" ", 1)[1])) for line in logged.splitlines()]
    return sorted(entry[2] or commit for commit, entry in entries if entry is not None and entry[1] == baseline)


def resolve_commits(names: list[str]) -> dict[str, str]:
    """The commit that each name is of to Git: a branch, a tag, a commit or the start of one. Others are left out."""
    requests = "".join(f"{name}^{{commit}}\n" for name in names)
    command = ["git", "cat-file", "--batch-check=%(objectname) %(objecttype)"]
    done = subprocess.run(command, input=os.fsencode(requests), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(f"git cat-file: {os.fsdecode(done.stderr).strip()}")
    answers = os.fsdecode(done.stdout).splitlines()
    return {name: line.split()[0] for name, line in zip(names, answers, strict=True) if line.endswith(" commit")}


def find_commit(
    name: str, resolved: dict[str, str], among: list[Experiment], head: str, remote: str | None = None
) -> str:
    """As DVC reads a name: Git's, else an experiment's, and of several those of HEAD first.

    Args:
        known: what Git knows of the names.
        remote: of Git, where it was asked, too.

    Raises:
        InputError: for a name of nothing, or of several experiments elsewhere.
    """
    if name in resolved:
        return resolved[name]
    named = [each for each in among if each.name == name]
    here = [each for each in named if each.baseline == head] or named
    if not here:
        lists = ("dvc", "exp", "list", "--all", *([remote] if remote else []))
        raise InputError(f"{name}: is no experiment, commit, branch or tag; `{' '.join(lists)}` has their names")
    if len(here) > 1:
        listed = ", ".join(f"{each.commit[:7]} on {each.baseline[:7]}" for each in here)
        raise InputError(f"{name}: is the name of several experiments ({listed}); name one by its commit")
    return here[0].commit


def resolve_commit(name: str) -> str:
    """The commit that is meant. An experiment of the Git remote comes with the call, without its files.

    Raises:
        InputError: when nothing is called so, or several experiments are.
        RunError: when the Git remote cannot be asked, or has another experiment of a name that is taken here.
    """
    resolved = resolve_commits([name])
    remote = None if resolved else _git_remote()
    if remote is not None:
        _fetch_experiment(remote, name)
    return find_commit(name, resolved, list_experiments(), run_git("rev-parse", "HEAD"), remote)


def _git_remote() -> str | None:
    names = run_git("remote").split()
    return "origin" if "origin" in names else next(iter(names), None)


def _fetch_experiment(remote: str, name: str) -> None:
    """By Git itself: `dvc exp pull` does not heed the SSH settings of Git, and ends well where files are missing."""
    listed = (line.split("\t") for line in run_git("ls-remote", remote, f"refs/exps/*/{name}").splitlines())
    refs = [ref for _commit, ref in listed if (match := EXPERIMENT_REF.fullmatch(ref)) and match[3] == name]
    if refs:
        run_git("fetch", "--quiet", remote, *(f"{ref}:{ref}" for ref in refs))


class Commit(NamedTuple):
    """
    Attributes:
        day: of the author, as 2030-12-31.
    """

    id: str
    day: str
    subject: str


def commits_that_record(md5: str, revisions: str = "--all") -> list[Commit]:
    """Those that brought a hash into dvc.lock, the newest first.

    A merge counts where the hash is in none of its parents.

    Args:
        where: a revision, for its history alone; else all branches, tags and experiments.
    """
    commits = _read_log(revisions, "-c", "-s", f"-S{md5}")
    holding = _revisions_with([commit.id for commit in commits], md5)  # others took it out
    return [commit for commit in commits if commit.id in holding]


def last_recording_commit(md5: str) -> Commit | None:
    """The last commit before HEAD, or HEAD, that changed dvc.lock, where the hash is in it still.

    What made it then, with the code of that commit, may be another run than the first, to the same bytes.
    """
    last, commits = _read_log("HEAD", "-1"), commits_that_record(md5, "HEAD")
    holding = _revisions_with([commit.id for commit in (*last, *commits)], md5)
    return last[0] if last and last[0].id in holding else None


def _read_log(*arguments: str) -> list[Commit]:
    output = run_git("log", *arguments, "--format=%H%x09%as%x09%s", "--", LOCK_FILE)
    return [Commit(*line.split("\t", 2)) for line in output.splitlines()]


def names_that_record(md5: str) -> list[str]:
    """Branches, tags and experiments whose dvc.lock, as they stand now, has a hash among what the stages wrote."""
    refs = run_git(
        "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes", "refs/exps"
    ).split()
    holding = _revisions_with(refs, md5)
    names = [name for ref in refs if ref in holding and (name := _readable_ref(ref))]
    return sorted(names, key=lambda name: name.startswith(EXPERIMENT_PREFIX))  # there may be hundreds of them


def _revisions_with(revisions: list[str], md5: str) -> set[str]:
    """Those in whose dvc.lock a stage wrote the hash; if none did, those in which one read it."""
    locks = read_files_at((revision, LOCK_FILE) for revision in revisions)
    read = {revision for (revision, _), lock in locks.items() if md5.encode() in lock}
    wrote = {
        revision for revision in read if any(md5.encode() in outs for outs in _OUTS.findall(locks[revision, LOCK_FILE]))
    }
    return wrote or read


def _readable_ref(ref: str) -> str:
    """What a person calls it; of DVC's own notes, nothing."""
    _, kind, rest = ref.split("/", 2)
    if kind != "exps":
        return {"heads": "", "remotes": "", "tags": "tag "}[kind] + rest
    match = EXPERIMENT_REF.fullmatch(ref)
    return EXPERIMENT_PREFIX + match[3] if match else ""


def committed_entries(revision: str, entries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that a commit holds with these very bytes.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder.
    """
    wanted = set(entries)
    folders = sorted({path for path, md5 in wanted if md5.endswith(FOLDER_SUFFIX)})
    listing = run_git("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders) if folders else ""
    inside = [path for path in listing.split("\0") if path]
    files = [path for path, md5 in wanted if not md5.endswith(FOLDER_SUFFIX)]
    contents = read_files_at((revision, path) for path in {*files, *inside})
    md5_by_path = {path: _bytes_md5(content) for (_, path), content in contents.items()}
    for folder in folders:
        within = [
            (path.removeprefix(f"{folder}/"), md5_by_path[path]) for path in inside if path.startswith(f"{folder}/")
        ]
        md5_by_path[folder] = folder_md5(within)
    return {(path, md5) for path, md5 in wanted if md5_by_path.get(path) == md5}


def _bytes_md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
