"""What DVC keeps in Git while it runs an experiment, and may leave there: a detached HEAD, refs, stashes."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from relight.errors import RunError
from relight.io.git import git

MOVE = re.compile(r"checkout: moving from (\S+) to ([0-9a-f]{40})$")
FIRST = 50  # moves of HEAD that are looked through
OTHERS = ("BISECT_LOG", "rebase-merge", "rebase-apply")  # of Git itself, which detaches HEAD on purpose


class Head(NamedTuple):
    """Of a HEAD that is on no branch.

    Attributes:
        commit: where it is.
        branch: the one that it was last on.
        tip: where that branch is now; None where it is gone.
        left: where it was when it left the branch, if it was moved as DVC does.
    """

    commit: str
    branch: str
    tip: str | None
    left: str


class Stash(NamedTuple):
    """A commit that holds changes of files.

    Attributes:
        name: how Git is told of it.
        message: what it says of itself.
        differing: the files of which the workspace holds another version than the stash.
        changed: those of them that the workspace has changed since HEAD.
        is_on_head: whether it was made at the commit that HEAD is at.
        is_plain: whether the index of that moment holds nothing that the files do not.
    """

    name: str
    commit: str
    message: str
    differing: tuple[str, ...]
    changed: tuple[str, ...]
    is_on_head: bool
    is_plain: bool


def detached_head() -> Head | None:
    """None where HEAD is on a branch, or where somebody else than DVC may have moved it."""
    if _said("symbolic-ref", "-q", "HEAD") or _git_itself_is_at_work():
        return None
    for line in (_said("reflog", "show", f"-{FIRST}", "--format=%gs", "HEAD") or "").splitlines():
        if line.startswith("checkout: moving "):
            move = MOVE.match(line)
            return None if move is None else _head(move[1], move[2])
    return None


def refs(*places: str) -> dict[str, str]:
    """The commit of each ref below these places."""
    listed = git("for-each-ref", "--format=%(refname) %(objectname)", *places)
    return dict(line.split(" ") for line in listed.splitlines())


def stashes_of_dvc() -> list[Stash]:
    """Those of `git stash list` that DVC made: its library ends their message with a line break, Git does not."""
    found = []
    for line in _reflog("refs/stash"):
        name, commit, message = line.removeprefix("refs/").split(" ", 2)
        content = _raw(commit)
        if content.endswith(b"\n") and b"\n\nWIP on " in content:
            found.append(read_stash(name, commit, message))
    return found


def waiting_experiments() -> list[tuple[str, str]]:
    """Commit and name of each experiment that `dvc exp run` has prepared, and not begun."""
    lines = [line.split(" ", 2) for line in _reflog("refs/exps/stash")]
    return [(commit, name_of(message)) for _, commit, message in lines]


def name_of(message: str) -> str:
    """Of an experiment, in `dvc-exp:head:baseline:name`."""
    return message.rsplit(":", 1)[-1]


def read_stash(name: str, commit: str, message: str, left_out: frozenset[str] = frozenset()) -> Stash:
    """
    Args:
        left_out: files that do not count, for the stages write them.
    """
    changed = [file for file in _files("diff", f"{commit}^1", commit) if _is_of_a_person(file) and file not in left_out]
    differing = _files("diff", commit, "--", *changed) if changed else ()
    trees = {_tree(f"{commit}^1"), _tree(commit)}
    return Stash(
        name=name,
        commit=commit,
        message=message,
        differing=differing,
        changed=_files("diff", "HEAD", "--", *differing) if differing else (),
        is_on_head=git("rev-parse", f"{commit}^1") == git("rev-parse", "HEAD"),
        is_plain=_said("rev-parse", "-q", "--verify", f"{commit}^2") is None or _tree(f"{commit}^2") in trees,
    )


def _head(branch: str, left: str) -> Head:
    tip = _said("rev-parse", "-q", "--verify", f"refs/heads/{branch}")
    return Head(git("rev-parse", "HEAD"), branch, tip, left)


def _git_itself_is_at_work() -> bool:
    return any(Path(git("rev-parse", "--git-path", name)).exists() for name in OTHERS)


def _is_of_a_person(file: str) -> bool:
    """Not what DVC packs beside it, nor what a run writes."""
    return not file.startswith(".dvc/tmp/") and file != "dvc.lock"


def _files(*arguments: str) -> tuple[str, ...]:
    command, *others = arguments
    return tuple(name for name in git(command, "--name-only", "-z", *others).split("\0") if name)


def _tree(commit: str) -> str:
    return git("rev-parse", f"{commit}^{{tree}}")


def _reflog(ref: str) -> list[str]:
    """Name, commit and message of each entry, the last one first."""
    if _said("rev-parse", "-q", "--verify", ref) is None:
        return []
    return git("reflog", "show", "--format=%gD %H %gs", ref).splitlines()


def _said(*arguments: str) -> str | None:
    try:
        return git(*arguments)
    except RunError:
        return None


def _raw(commit: str) -> bytes:
    return subprocess.run(["git", "cat-file", "commit", commit], capture_output=True, check=True).stdout
