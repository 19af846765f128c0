"""A HEAD that a killed `dvc exp run` left detached."""

import re
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import Finding
from relight.repository.git import git_or_none, run_git

CHECKOUT_MOVE = re.compile(r"checkout: moving from (\S+) to ([0-9a-f]{40})$")
MAX_HEAD_MOVES = 50  # of the reflog that are looked at
GIT_OPERATIONS = ("BISECT_LOG", "rebase-merge", "rebase-apply")  # they detach HEAD on purpose


class DetachedHead(NamedTuple):
    """A HEAD that is on no branch.

    Attributes:
        commit: where HEAD is.
        branch: the one that it was last on.
        tip: where that branch is now; None if it is gone.
        left: where HEAD was when it left the branch.
    """

    commit: str
    branch: str
    tip: str | None
    left: str


def detached_head() -> DetachedHead | None:
    """Return None if HEAD is on a branch, or was moved by a person or by Git and not by DVC."""
    if git_or_none("symbolic-ref", "-q", "HEAD") or _git_operation_runs():
        return None
    for line in (git_or_none("reflog", "show", f"-{MAX_HEAD_MOVES}", "--format=%gs", "HEAD") or "").splitlines():
        if line.startswith("checkout: moving "):
            move = CHECKOUT_MOVE.match(line)
            return None if move is None else _describe_head(move[1], move[2])
    return None


def _git_operation_runs() -> bool:
    return any(Path(run_git("rev-parse", "--git-path", name)).exists() for name in GIT_OPERATIONS)


def _describe_head(branch: str, left: str) -> DetachedHead:
    tip = git_or_none("rev-parse", "-q", "--verify", f"refs/heads/{branch}")
    return DetachedHead(run_git("rev-parse", "HEAD"), branch, tip, left)


def head_findings(head: DetachedHead) -> list[Finding]:
    """Return a finding if DVC detached HEAD: it goes back to its branch, and commits made since are kept."""
    if head.tip != head.left:  # a person who looks at an old commit moves HEAD away from the tip; DVC does not
        return []
    problem = f"HEAD is detached; it was on {head.branch} before a `dvc exp run` that was killed"
    back = ("git", "switch", head.branch)
    if head.commit == head.tip:
        return [Finding(problem, "your next commits would be on no branch", (back,), is_safe=True)]
    rescue = (("git", "branch", "rescued", "HEAD"), back, ("git", "merge", "rescued"))
    return [Finding(f"{problem}, and there are commits since", "they are on no branch", rescue)]
