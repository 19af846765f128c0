"""Git after a killed `dvc exp run`: a detached HEAD, refs, and stashes.

DVC detaches HEAD, stashes the person's edits, prepares the experiment, and undoes all of it at its end; SIGTERM and
SIGKILL leave it as it is (treeverse/dvc issues 9260, 10655). It is looked at while no dvc works on the repository.
"""

import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relight.doctor.dvc_lock import read_locked_stages
from relight.doctor.finding import CheckResult, Command, Finding
from relight.doctor.head import detached_head, head_findings
from relight.repository.git import git_or_none, run_git
from relight.runtime.messages import abbreviate

EXEC_REFS, TEMP_REFS, PREPARED_REF = "refs/exps/exec", "refs/exps/temp", "refs/exps/stash"
MERGE_REF = f"{EXEC_REFS}/EXEC_MERGE"  # the commit with the params and files of the experiment
KEPT_REFS = {f"{EXEC_REFS}/EXEC_APPLY", f"{EXEC_REFS}/EXEC_HEAD"}  # DVC leaves these after a good end, too
KEPT_NOTE = "its params and files stay in `git stash list`"


class Stash(NamedTuple):
    """A commit that holds changes of files.

    Attributes:
        name: as stash@{0}.
        message: the subject of its reflog entry.
        differing: its changed files of which the workspace holds another version.
        changed: those of them that the workspace has changed since HEAD.
        is_on_head: whether it was made at the commit that HEAD is at.
        is_plain: whether nothing was staged in it that differs from the files.
    """

    name: str
    commit: str
    message: str
    differing: tuple[str, ...]
    changed: tuple[str, ...]
    is_on_head: bool
    is_plain: bool


class PreparedExperiment(NamedTuple):
    """An experiment whose run did not begin, or did not end.

    Attributes:
        commit: the one with its params and files.
        is_only_copy: whether the workspace holds other versions of them.
    """

    commit: str
    name: str
    is_only_copy: bool = True


def read_stash(name: str, commit: str, message: str, generated: frozenset[str] = frozenset()) -> Stash:
    """Return what a stash holds, compared with HEAD and the workspace.

    Args:
        generated: files that do not count, because the stages write them.
    """
    files = [file for file in _diff(f"{commit}^1", commit) if _is_user_file(file) and file not in generated]
    differing = _diff(commit, "--", *files) if files else ()
    trees = {_tree(f"{commit}^1"), _tree(commit)}
    return Stash(
        name=name,
        commit=commit,
        message=message,
        differing=differing,
        changed=_diff("HEAD", "--", *differing) if differing else (),
        is_on_head=run_git("rev-parse", f"{commit}^1") == run_git("rev-parse", "HEAD"),
        is_plain=git_or_none("rev-parse", "-q", "--verify", f"{commit}^2") is None or _tree(f"{commit}^2") in trees,
    )


def _is_user_file(file: str) -> bool:
    """Return whether a person wrote the file: DVC adds its own, and a run writes dvc.lock."""
    return not file.startswith(".dvc/tmp/") and file != "dvc.lock"


def _diff(*arguments: str) -> tuple[str, ...]:
    """Return the names of the files that `git diff` lists."""
    return tuple(name for name in run_git("diff", "--name-only", "-z", *arguments).split("\0") if name)


def _tree(commit: str) -> str:
    return run_git("rev-parse", f"{commit}^{{tree}}")


def dvc_stashes() -> list[Stash]:
    """Return the entries of `git stash list` that DVC made: its message ends with a line break, Git's does not."""
    stashes = []
    for line in _reflog("refs/stash"):
        name, commit, message = line.removeprefix("refs/").split(" ", 2)
        content = _raw_commit(commit)
        if content.endswith(b"\n") and b"\n\nWIP on " in content:
            stashes.append(read_stash(name, commit, message))
    return stashes


def _reflog(ref: str) -> list[str]:
    """Return name, commit and message of each entry, the last one first."""
    if git_or_none("rev-parse", "-q", "--verify", ref) is None:
        return []
    return run_git("reflog", "show", "--format=%gD %H %gs", ref).splitlines()


def _raw_commit(commit: str) -> bytes:
    return subprocess.run(["git", "cat-file", "commit", commit], capture_output=True, check=True).stdout


def prepared_experiments() -> list[PreparedExperiment]:
    """Return the experiments that a `dvc exp run` has prepared and not begun."""
    lines = [line.split(" ", 2) for line in _reflog(PREPARED_REF)]
    return [PreparedExperiment(commit, experiment_name(message)) for _, commit, message in lines]


def experiment_name(message: str) -> str:
    """Return the name in `dvc-exp:HEAD:BASELINE:NAME`."""
    return message.rsplit(":", 1)[-1]


def running_refs() -> dict[str, str]:
    """Return the refs, and their commits, that DVC keeps while an experiment runs."""
    listed = run_git("for-each-ref", "--format=%(refname) %(objectname)", EXEC_REFS, TEMP_REFS)
    return dict(line.split(" ") for line in listed.splitlines())


def running_experiments(refs: Mapping[str, str]) -> list[PreparedExperiment]:
    """Return the experiments among these refs."""
    stages = read_locked_stages()
    locked = stages.values() if isinstance(stages, dict) else ()
    outs = frozenset(out for stage in locked for out in stage.outs)
    commits = [commit for ref, commit in refs.items() if ref == MERGE_REF or "/temp/merge-" in ref]
    experiments = []
    for commit in dict.fromkeys(commits):
        stash = read_stash("", commit, run_git("log", "-1", "--format=%s", commit), outs)
        experiments.append(PreparedExperiment(commit, experiment_name(stash.message), bool(stash.differing)))
    return experiments


def stash_finding(stash: Stash) -> Finding:
    """Return how to get back the edits that DVC stashed; it is safe if the files were not edited again."""
    if not stash.differing and stash.is_plain:
        problem = f"{stash.name}: a killed `dvc exp run` left a copy of your edits, and your files hold the same"
        reason = "a later `git stash pop` would bring back an old version"
        return Finding(problem, reason, (("git", "stash", "drop", stash.name),), is_safe=True)
    edits = f"your edits of {abbreviate(stash.differing)} are" if stash.differing else "what you had staged is"
    them = "them" if stash.differing else "it"
    problem = f"{stash.name}: {edits} only in `git stash`, where a killed `dvc exp run` left {them}"
    reason = "your files hold other versions, so that the edits look lost"
    if stash.is_on_head and not stash.changed and stash.differing:
        return Finding(problem, reason, (("git", "stash", "pop", "--index", stash.name),), is_safe=True)
    number = int(stash.name.removesuffix("}").split("{")[1])
    pop = ("git", "stash", "pop", "--index", f"stash@{{{number + 1}}}")
    note = "the first command keeps the files as they are now, to compare with"
    return Finding(problem, reason, (("git", "stash", "push", "-m", "as a kill left it"), pop), note=note)


def prepared_experiment_findings(experiments: Sequence[PreparedExperiment]) -> list[Finding]:
    """Return one finding for all experiments that were prepared and not begun."""
    if not experiments:
        return []
    save = [_store(experiment, "never begun") for experiment in experiments]
    names = abbreviate(experiment.name for experiment in experiments)
    problem = f"{PREPARED_REF} holds {names}, prepared by a `dvc exp run` that was killed"
    reason = "the next `dvc exp run` would also run it"
    return [Finding(problem, reason, (*save, _delete_ref(PREPARED_REF)), is_safe=True, note=KEPT_NOTE)]


def running_ref_findings(refs: Mapping[str, str], experiments: Sequence[PreparedExperiment]) -> list[Finding]:
    """Return one finding for all refs of experiments that do not run any more.

    Args:
        refs: the commit of each ref.
        experiments: those among them.
    """
    if set(refs) <= KEPT_REFS:
        return []
    save = [_store(experiment, "killed") for experiment in experiments if experiment.is_only_copy]
    shown = abbreviate(sorted(refs), 2)
    problem = f"refs/exps holds {len(refs)} refs of an experiment that was killed ({shown})"
    reason = "`dvc exp list` and `show` hide new experiments behind them"
    commands = (*save, *(_delete_ref(ref) for ref in sorted(refs)))
    return [Finding(problem, reason, commands, is_safe=True, note=KEPT_NOTE if save else "")]


def _store(experiment: PreparedExperiment, fate: str) -> Command:
    return ("git", "stash", "store", "-m", f"experiment {experiment.name}, {fate}", experiment.commit)


def _delete_ref(ref: str) -> Command:
    return ("git", "update-ref", "--no-deref", "-d", ref)


def check_experiments() -> CheckResult:
    """Look at HEAD, the stashes and the refs."""
    head, stashes, refs = detached_head(), dvc_stashes(), running_refs()
    findings = head_findings(head) if head is not None else []
    findings += [stash_finding(stash) for stash in stashes[-1:]]  # the others get other numbers when it is gone
    findings += prepared_experiment_findings(prepared_experiments())
    findings += running_ref_findings(refs, running_experiments(refs))
    summary = f"HEAD; refs of running ones: {len(refs)}; stashes by DVC: {len(stashes)}"
    return CheckResult("experiments", summary, findings)
