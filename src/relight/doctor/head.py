"""Detached HEAD."""

import re
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import Finding
from relight.repository.git import git, git_or_none

MOVE = re.compile(r"checkout: moving from (\S+) to ([0-9a-f]{40})$")
FIRST = 50  # moves of HEAD that are looked through
OTHERS = ("BISECT_LOG", "rebase-merge", "rebase-apply")  # of Git itself, which detaches HEAD on purpose


def of_head(*, commit: str, branch: str, tip: str | None, left: str) -> list[Finding]:
    """
    Args:
        commit: where HEAD is, on no branch.
        branch: the one it was last on.
        tip: where that branch is now; None where it is gone.
        left: where HEAD was when it left the branch.
    """
    if tip != left:  # a person who looks at an old commit moves HEAD away from the tip; DVC does not
        return []
    what = f"HEAD is detached; it was on {branch} before a `dvc exp run` that was killed"
    why = "your next commits would be on no branch"
    back = ("git", "switch", branch)
    if commit == tip:
        return [Finding(what, why, (back,), is_safe=True)]
    rescue = (("git", "branch", "rescued", "HEAD"), back, ("git", "merge", "rescued"))
    return [Finding(f"{what}, and there are commits since", "they are on no branch", rescue)]


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


def detached_head() -> Head | None:
    """None where HEAD is on a branch, or where somebody else than DVC may have moved it."""
    if git_or_none("symbolic-ref", "-q", "HEAD") or _git_itself_is_at_work():
        return None
    for line in (git_or_none("reflog", "show", f"-{FIRST}", "--format=%gs", "HEAD") or "").splitlines():
        if line.startswith("checkout: moving "):
            move = MOVE.match(line)
            return None if move is None else _head(move[1], move[2])
    return None


def _head(branch: str, left: str) -> Head:
    tip = git_or_none("rev-parse", "-q", "--verify", f"refs/heads/{branch}")
    return Head(git("rev-parse", "HEAD"), branch, tip, left)


def _git_itself_is_at_work() -> bool:
    return any(Path(git("rev-parse", "--git-path", name)).exists() for name in OTHERS)
