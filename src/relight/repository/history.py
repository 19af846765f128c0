"""The history of the project in Git: DVC's experiments, the commit that a name means, the commits that record a hash.

`refs/exps/BASELINE[:2]/BASELINE[2:]/NAME` points to the commit of an experiment; the folders `apply`, `celery`, `exec`
and `temp` and the reference `stash` next to them are DVC's own. They are read from Git, as `dvc exp list` would print
them: 200 experiments take one process.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from relight.errors import InputError
from relight.repository.git import git_output, is_shallow, read_files_at, run_git
from relight.repository.objects import FOLDER_SUFFIX, bytes_md5, folder_md5
from relight.repository.other_models import commits_of_other_models
from relight.repository.revisions import LOCK_PATH, PARAMS_PATH
from relight.runtime.files import memory_bytes

EXPERIMENT_REF = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38,62})/([^/]+)")
FAILED_TASKS_REF = "refs/exps/celery/failed"  # its reflog: the commits that failed tasks were queued with
QUEUED_MESSAGE = re.compile(r"commit: dvc-exp:[0-9a-f]+:([0-9a-f]+):([^:]*)")
EXPERIMENT_PREFIX = "experiment "
LOCKED_OUTS = re.compile(rb"^    outs:\n((?:    [- ] .*\n)*)", re.MULTILINE)  # 100 times as fast as parsing the YAML


class Experiment(NamedTuple):
    """An experiment of DVC.

    Attributes:
        baseline: the commit that it was started from.
    """

    name: str
    commit: str
    baseline: str

    @property
    def ref(self) -> str:
        """The reference that Git keeps it by."""
        return f"refs/exps/{self.baseline[:2]}/{self.baseline[2:]}/{self.name}"


class Commit(NamedTuple):
    """A commit that changed dvc.lock.

    Attributes:
        day: when the author made it, as 2030-12-31.
    """

    id: str
    day: str
    subject: str


def list_experiments() -> list[Experiment]:
    """Return the experiments of this repository, sorted by name."""
    listed = run_git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    matches = [(line.split(" ", 1)[0], EXPERIMENT_REF.fullmatch(line.split(" ", 1)[1])) for line in listed.splitlines()]
    return sorted(Experiment(at[3], commit, at[1] + at[2]) for commit, at in matches if at is not None)


def failed_experiments(baseline: str) -> list[str]:
    """Return the queued experiments of this model that failed, by their names, or by their commits if unnamed."""
    if not run_git("for-each-ref", FAILED_TASKS_REF):
        return []
    logged = run_git("log", "-g", "--format=%H %h %gs", FAILED_TASKS_REF, "--")
    lines = [line.split(" ", 2) for line in logged.splitlines()]
    entries = [(commit, short, QUEUED_MESSAGE.match(message)) for commit, short, message in lines]
    failed = {commit: entry[2] or short for commit, short, entry in entries if entry and entry[1] == baseline}
    others = commits_of_other_models(((commit, baseline) for commit in failed), PARAMS_PATH)
    return sorted(name for commit, name in failed.items() if commit not in others)


def resolve_commits(names: list[str]) -> dict[str, str]:
    """Return the commit of each name that Git knows: a branch, a tag, a commit or the start of one."""
    asked = [name for name in names if name.isprintable()]  # one line each; no name in Git has a control character
    requests = "".join(f"{name}^{{commit}}\n" for name in asked)
    said = git_output("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=os.fsencode(requests))
    answers = os.fsdecode(said).splitlines()
    return {name: line.split()[0] for name, line in zip(asked, answers, strict=True) if line.endswith(" commit")}


def find_commit(
    name: str, resolved: dict[str, str], among: list[Experiment], head: str, remote: str | None = None
) -> str:
    """Return the commit that a name means to DVC: Git's, else that of an experiment, first among those of HEAD.

    Args:
        resolved: the commit of each name that Git knows.
        remote: the Git remote that was asked as well, if one was.

    Raises:
        InputError: if nothing has the name, or several experiments of other commits have it.
    """
    if name in resolved:
        return resolved[name]
    named = [each for each in among if each.name == name]
    here = [each for each in named if each.baseline == head] or named
    if not here:
        lists = ("dvc", "exp", "list", "--all", *([remote] if remote else []))
        raise InputError(
            f"{name}: is no experiment, commit, branch or tag{_shallow_hint()}; `{' '.join(lists)}` has "
            f"{'the names of experiments' if is_shallow() else 'their names'}"
        )
    if len(here) > 1:
        listed = ", ".join(f"{each.commit[:7]} on {each.baseline[:7]}" for each in here)
        raise InputError(f"{name}: is the name of several experiments ({listed}); name one by its commit")
    return here[0].commit


def _shallow_hint() -> str:
    if not is_shallow():
        return ""
    return " of this clone, which is shallow: it lacks the older commits; `git fetch --unshallow` fetches them"


def resolve_commit(name: str) -> str:
    """Return the commit that a name means. An experiment of the Git remote is fetched, without its files.

    Raises:
        InputError: if nothing has the name, or several experiments have it.
        RunError: if the Git remote cannot be asked, or has another experiment of a name that is taken here.
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
    """Fetch by Git: `dvc exp pull` ignores Git's SSH settings, and exits with 0 even if files are missing."""
    listed = (line.split("\t") for line in run_git("ls-remote", remote, f"refs/exps/*/{name}").splitlines())
    refs = [ref for _commit, ref in listed if (match := EXPERIMENT_REF.fullmatch(ref)) and match[3] == name]
    if refs:
        run_git("fetch", "--quiet", remote, *(f"{ref}:{ref}" for ref in refs))


def commits_that_record(md5: str, revisions: str = "--all") -> list[Commit]:
    """Return the commits that brought a hash into dvc.lock, the newest first.

    A merge counts if none of its parents has the hash.

    Args:
        revisions: a revision, for only its own history; by default all branches, tags and experiments.
    """
    commits = _read_log(revisions, "-c", "-s", f"-S{md5}")
    holding = _revisions_with([commit.id for commit in commits], md5)  # others took it out
    return [commit for commit in commits if commit.id in holding]


def last_recording_commit(md5: str) -> Commit | None:
    """Return the last commit up to HEAD that changed dvc.lock, if the hash is still in it.

    It may record another run than the first commit with the hash did: other code that wrote the same bytes.
    """
    last, commits = _read_log("HEAD", "-1"), commits_that_record(md5, "HEAD")
    holding = _revisions_with([commit.id for commit in (*last, *commits)], md5)
    return last[0] if last and last[0].id in holding else None


def _read_log(*arguments: str) -> list[Commit]:
    output = run_git("log", *arguments, "--format=%H%x09%as%x09%s", "--", LOCK_PATH)
    return [Commit(*line.split("\t", 2)) for line in output.splitlines()]


def names_that_record(md5: str) -> list[str]:
    """Return the branches, tags and experiments, as they stand now, in whose dvc.lock a stage wrote the hash.

    Experiments of other models, which hold this dvc.lock as their baseline does, are left out.
    """
    kinds = ("refs/heads", "refs/tags", "refs/remotes", "refs/exps")
    refs = run_git("for-each-ref", "--format=%(refname)", *kinds).split()
    holding = _revisions_with(refs, md5)
    experiments = {each.ref: each for each in list_experiments() if each.ref in holding}
    others = commits_of_other_models(((each.commit, each.baseline) for each in experiments.values()), LOCK_PATH)
    holding -= {ref for ref, experiment in experiments.items() if experiment.commit in others}
    names = [name for ref in refs if ref in holding and (name := _readable_ref(ref))]
    return sorted(names, key=lambda name: name.startswith(EXPERIMENT_PREFIX))  # last: there may be hundreds of them


def _revisions_with(revisions: list[str], md5: str) -> set[str]:
    """Return the revisions in whose dvc.lock a stage wrote the hash; if none did, those in which a stage read it."""
    locks = read_files_at((revision, LOCK_PATH) for revision in revisions)
    read = {revision for (revision, _), lock in locks.items() if md5.encode() in lock}
    wrote = {
        revision
        for revision in read
        if any(md5.encode() in outs for outs in LOCKED_OUTS.findall(locks[revision, LOCK_PATH]))
    }
    return wrote or read


def _readable_ref(ref: str) -> str:
    """Return a ref as a person calls it; "" if it is DVC's own."""
    _, kind, rest = ref.split("/", 2)
    if kind != "exps":
        return {"heads": "", "remotes": "", "tags": "tag "}[kind] + rest
    match = EXPERIMENT_REF.fullmatch(ref)
    return EXPERIMENT_PREFIX + match[3] if match else ""


def committed_entries(
    revision: str, entries: Iterable[tuple[str, str]], change: Callable[[str, bytes], bytes] | None = None
) -> set[tuple[str, str]]:
    """Return the entries that a commit holds with the same bytes.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder.
        change: of the path and the bytes of each file, before its bytes are compared.
    """
    wanted = set(entries)
    folders = sorted({path for path, md5 in wanted if md5.endswith(FOLDER_SUFFIX)})
    listing = run_git("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders) if folders else ""
    inside = [path for path in listing.split("\0") if path]
    files = [path for path, md5 in wanted if not md5.endswith(FOLDER_SUFFIX)]
    contents = read_files_at(((revision, path) for path in {*files, *inside}), limit=memory_bytes())
    changed = {path: change(path, content) if change else content for (_, path), content in contents.items()}
    md5_by_path = {path: bytes_md5(content) for path, content in changed.items()}
    for folder in folders:
        within = [path for path in inside if path.startswith(f"{folder}/")]
        md5_by_path[folder] = folder_md5((path.removeprefix(f"{folder}/"), md5_by_path[path]) for path in within)
    return {(path, md5) for path, md5 in wanted if md5_by_path.get(path) == md5}
