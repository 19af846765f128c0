"""Leftovers of killed experiments.

What a killed `dvc exp run` leaves in Git.

DVC detaches HEAD, stashes the person's edits, prepares the experiment, and undoes all of it at its end; SIGTERM and
SIGKILL leave it where it is (treeverse/dvc issues 9260, 10655). All of this is asked when no dvc works here.

What DVC keeps in Git while it runs an experiment, and may leave there: a detached HEAD, refs, stashes.

What is looked at besides files: Git, python, processes, locks, experiments, the queue and the settings.
"""

import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relight.doctor import dvc_lock, head
from relight.doctor.finding import CheckResult, Command, Finding, abbreviated
from relight.repository.git import git_or_none, run_git

EXEC_PREFIX = "refs/exps/exec/"

MERGE_REF = EXEC_PREFIX + "EXEC_MERGE"

KEPT_REFS = {EXEC_PREFIX + "EXEC_APPLY", EXEC_PREFIX + "EXEC_HEAD"}  # DVC leaves these after a good end, too


def exec_ref_findings(refs: Mapping[str, str], asked_for: Sequence[tuple[str, str, Sequence[str]]]) -> list[Finding]:
    """
    Args:
        refs: the commit of each ref below refs/exps/exec and refs/exps/temp.
        asked_for: of each experiment among them the commit with its params and files, its name, and the files of
            which the workspace holds another version.
    """
    if set(refs) <= KEPT_REFS:
        return []
    gone: list[Command] = [("git", "update-ref", "--no-deref", "-d", ref) for ref in sorted(refs)]
    keep: list[Command] = [
        ("git", "stash", "store", "-m", f"experiment {name}, killed", commit)
        for commit, name, differing in asked_for
        if differing
    ]
    kept = "what it asked for stays in `git stash list`" if keep else ""
    what = f"refs/exps holds {len(refs)} refs of an experiment that was killed ({abbreviated(sorted(refs), 2)})"
    return [Finding(what, "`dvc exp list` and `show` hide new experiments behind them", (*keep, *gone), True, (), kept)]


def stash_findings(
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
        return [
            Finding(
                what, "a later `git stash pop` would bring back what is old by then", (_drop_stash_command(name),), True
            )
        ]
    edited = abbreviated(differing)
    what = f"{name}: your edits of {edited} are only in `git stash`, where a killed `dvc exp run` left them"
    if not differing:
        what = f"{name}: what you had staged is only in `git stash`, where a killed `dvc exp run` left it"
    why = "your files hold other versions, and it looks as if the edits were lost"
    if is_on_head and not changed and differing:
        return [Finding(what, why, (("git", "stash", "pop", "--index", name),), is_safe=True)]
    number = int(name.removesuffix("}").split("{")[1])
    after = f"stash@{{{number + 1}}}"
    mend = (("git", "stash", "push", "-m", "as a kill left it"), ("git", "stash", "pop", "--index", after))
    return [Finding(what, why, mend, note="the first command keeps the files as they are now, for comparing")]


def prepared_experiment_findings(experiments: Sequence[tuple[str, str]]) -> list[Finding]:
    """
    Args:
        experiments: commit and name of each that was prepared and not begun.
    """
    if not experiments:
        return []
    keep = tuple(
        ("git", "stash", "store", "-m", f"experiment {name}, never begun", commit) for commit, name in experiments
    )
    names = abbreviated(name for _, name in experiments)
    what = f"refs/exps/stash holds {names}, prepared by a `dvc exp run` that was killed"
    why = "the next `dvc exp run` would run it, too"
    gone = ("git", "update-ref", "--no-deref", "-d", "refs/exps/stash")
    return [Finding(what, why, (*keep, gone), True, note="what it asked for stays in `git stash list`")]


def _drop_stash_command(name: str) -> Command:
    return ("git", "stash", "drop", name)


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


def read_refs(*prefixes: str) -> dict[str, str]:
    """The commit of each ref below these places."""
    listed = run_git("for-each-ref", "--format=%(refname) %(objectname)", *prefixes)
    return dict(line.split(" ") for line in listed.splitlines())


def dvc_stashes() -> list[Stash]:
    """Those of `git stash list` that DVC made: its library ends their message with a line break, Git does not."""
    stashes = []
    for line in _reflog("refs/stash"):
        name, commit, message = line.removeprefix("refs/").split(" ", 2)
        content = _raw_commit(commit)
        if content.endswith(b"\n") and b"\n\nWIP on " in content:
            stashes.append(read_stash(name, commit, message))
    return stashes


def prepared_experiments() -> list[tuple[str, str]]:
    """Commit and name of each experiment that `dvc exp run` has prepared, and not begun."""
    lines = [line.split(" ", 2) for line in _reflog("refs/exps/stash")]
    return [(commit, experiment_name(message)) for _, commit, message in lines]


def experiment_name(message: str) -> str:
    """Of an experiment, in `dvc-exp:head:baseline:name`."""
    return message.rsplit(":", 1)[-1]


def read_stash(name: str, commit: str, message: str, left_out: frozenset[str] = frozenset()) -> Stash:
    """
    Args:
        left_out: files that do not count, for the stages write them.
    """
    changed = [
        file for file in _changed_files("diff", f"{commit}^1", commit) if _is_user_file(file) and file not in left_out
    ]
    differing = _changed_files("diff", commit, "--", *changed) if changed else ()
    trees = {_tree(f"{commit}^1"), _tree(commit)}
    return Stash(
        name=name,
        commit=commit,
        message=message,
        differing=differing,
        changed=_changed_files("diff", "HEAD", "--", *differing) if differing else (),
        is_on_head=run_git("rev-parse", f"{commit}^1") == run_git("rev-parse", "HEAD"),
        is_plain=git_or_none("rev-parse", "-q", "--verify", f"{commit}^2") is None or _tree(f"{commit}^2") in trees,
    )


def _is_user_file(file: str) -> bool:
    """Not what DVC packs beside it, nor what a run writes."""
    return not file.startswith(".dvc/tmp/") and file != "dvc.lock"


def _changed_files(*arguments: str) -> tuple[str, ...]:
    command, *others = arguments
    return tuple(name for name in run_git(command, "--name-only", "-z", *others).split("\0") if name)


def _tree(commit: str) -> str:
    return run_git("rev-parse", f"{commit}^{{tree}}")


def _reflog(ref: str) -> list[str]:
    """Name, commit and message of each entry, the last one first."""
    if git_or_none("rev-parse", "-q", "--verify", ref) is None:
        return []
    return run_git("reflog", "show", "--format=%gD %H %gs", ref).splitlines()


def _raw_commit(commit: str) -> bytes:
    return subprocess.run(["git", "cat-file", "commit", commit], capture_output=True, check=True).stdout


def check_experiments() -> CheckResult:
    findings: list[Finding] = []
    detached = head.detached_head()
    if detached is not None:
        findings += head.head_findings(**detached._asdict())
    stashes = dvc_stashes()
    for stash in stashes[-1:]:  # the next one gets another number when this one is gone
        facts = stash._asdict()
        del facts["commit"], facts["message"]
        findings += stash_findings(**facts)
    findings += prepared_experiment_findings(prepared_experiments())
    running = read_refs("refs/exps/exec", "refs/exps/temp")
    findings += _leftover_ref_findings(running)
    return CheckResult(
        "experiments", f"HEAD; refs of running ones: {len(running)}; stashes by DVC: {len(stashes)}", findings
    )


def _leftover_ref_findings(refs: dict[str, str]) -> list[Finding]:
    merges = [commit for ref, commit in refs.items() if ref == MERGE_REF or "/temp/merge-" in ref]
    written = dvc_lock.read_locked_stages()
    outs = {out for stage in written.values() for out in stage.outs} if isinstance(written, dict) else set()
    asked_for = []
    for commit in dict.fromkeys(merges):
        stash = read_stash("", commit, run_git("log", "-1", "--format=%s", commit), frozenset(outs))
        asked_for.append((commit, experiment_name(stash.message), stash.differing))
    return exec_ref_findings(refs, asked_for)
