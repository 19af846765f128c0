"""What a killed `dvc exp run` leaves in Git.

DVC detaches HEAD, stashes the person's edits, prepares the experiment, and undoes all of it at its end; SIGTERM and
SIGKILL leave it where it is (treeverse/dvc issues 9260, 10655). All of this is asked when no dvc works here.
"""

from collections.abc import Mapping, Sequence

from relight.domain.doctor.finding import Command, Finding, listed

EXEC = "refs/exps/exec/"
MERGE = EXEC + "EXEC_MERGE"
STAYS = {EXEC + "EXEC_APPLY", EXEC + "EXEC_HEAD"}  # DVC leaves these after a good end, too


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


def of_exec_refs(refs: Mapping[str, str], asked_for: Sequence[tuple[str, str, Sequence[str]]]) -> list[Finding]:
    """
    Args:
        refs: the commit of each ref below refs/exps/exec and refs/exps/temp.
        asked_for: of each experiment among them the commit with its params and files, its name, and the files of
            which the workspace holds another version.
    """
    if set(refs) <= STAYS:
        return []
    gone: list[Command] = [("git", "update-ref", "--no-deref", "-d", ref) for ref in sorted(refs)]
    keep: list[Command] = [
        ("git", "stash", "store", "-m", f"experiment {name}, killed", commit)
        for commit, name, differing in asked_for
        if differing
    ]
    kept = "what it asked for stays in `git stash list`" if keep else ""
    what = f"refs/exps holds {len(refs)} refs of an experiment that was killed ({listed(sorted(refs), 2)})"
    return [Finding(what, "`dvc exp list` and `show` hide new experiments behind them", (*keep, *gone), True, (), kept)]


def of_stash(
    *, name: str, differing: Sequence[str], changed: Sequence[str], is_on_head: bool, is_plain: bool
) -> list[Finding]:
    """Edits that DVC put aside.

    Args:
        name: as stash@{0}.
        differing: files of which the workspace holds another version.
        changed: those of them that the workspace has changed since HEAD.
        is_on_head: whether it was made at the commit that HEAD is at.
        is_plain: whether nothing in it was staged that differs from the files.
    """
    if not differing and is_plain:
        what = f"{name}: a killed `dvc exp run` left a copy of your edits, and your files hold the same"
        return [Finding(what, "a later `git stash pop` would bring back what is old by then", (_drop(name),), True)]
    what = f"{name}: your edits of {listed(differing)} are only in `git stash`, where a killed `dvc exp run` left them"
    if not differing:
        what = f"{name}: what you had staged is only in `git stash`, where a killed `dvc exp run` left it"
    why = "your files hold other versions, and it looks as if the edits were lost"
    if is_on_head and not changed and differing:
        return [Finding(what, why, (("git", "stash", "pop", "--index", name),), is_safe=True)]
    number = int(name.removesuffix("}").split("{")[1])
    after = f"stash@{{{number + 1}}}"
    mend = (("git", "stash", "push", "-m", "as a kill left it"), ("git", "stash", "pop", "--index", after))
    return [Finding(what, why, mend, remark="the first command keeps the files as they are now, for comparing")]


def of_waiting(experiments: Sequence[tuple[str, str]]) -> list[Finding]:
    """
    Args:
        experiments: commit and name of each that was prepared and not begun.
    """
    if not experiments:
        return []
    keep = tuple(
        ("git", "stash", "store", "-m", f"experiment {name}, never begun", commit) for commit, name in experiments
    )
    what = (
        f"refs/exps/stash holds {listed(name for _, name in experiments)}, prepared by a `dvc exp run` that was killed"
    )
    why = "the next `dvc exp run` would run it, too"
    gone = ("git", "update-ref", "--no-deref", "-d", "refs/exps/stash")
    return [Finding(what, why, (*keep, gone), True, remark="what it asked for stays in `git stash list`")]


def _drop(name: str) -> Command:
    return ("git", "stash", "drop", name)
