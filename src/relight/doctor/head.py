"""Detached HEAD."""

import re
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import Finding
from relight.repository.git import git_or_none, run_git

CHECKOUT_MOVE = re.compile(r"checkout: moving from (\S+) to ([0-9a-f]{40})$")
MAX_HEAD_MOVES = 50  # moves of HEAD that are looked through
GIT_OPERATIONS = ("BISECT_LOG", "rebase-merge", "rebase-apply")  # of Git itself, which detaches HEAD on purpose


def head_findings(*, commit: str, branch: str, tip: str | None, left: str) -> list[Finding]:
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


class DetachedHead(NamedTuple):
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


def detached_head() -> DetachedHead | None:
    """None where HEAD is on a branch, or where somebody else than DVC may have moved it."""
    if git_or_none("symbolic-ref", "-q", "HEAD") or _git_operation_runs():
        return None
    for line in (git_or_none("reflog", "show", f"-{MAX_HEAD_MOVES}", "--format=%gs", "HEAD") or "").splitlines():
        if line.startswith("checkout: moving "):
            move = CHECKOUT_MOVE.match(line)
            return None if move is None else _describe_head(move[1], move[2])
    return None


def _describe_head(branch: str, left: str) -> DetachedHead:
    tip = git_or_none("rev-parse", "-q", "--verify", f"refs/heads/{branch}")
    return DetachedHead(run_git("rev-parse", "HEAD"), branch, tip, left)


def _git_operation_runs() -> bool:
    return any(Path(run_git("rev-parse", "--git-path", name)).exists() for name in GIT_OPERATIONS)
