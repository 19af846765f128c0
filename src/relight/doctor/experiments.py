"""Git after a killed `dvc exp run`: a detached HEAD, refs, and stashes.

DVC detaches HEAD, stashes the person's edits, prepares the experiment, and undoes all of it at its end; SIGTERM and
SIGKILL leave it as it is (treeverse/dvc issues 9260, 10655). It is looked at while no dvc works on the repository.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from posixpath import dirname, join, normpath
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.errors import InputError
from relight.repository.git import git_or_none, git_output, run_git
from relight.repository.revisions import LOCK_PATH, read_lock_file
from relight.runtime.messages import abbreviate

EXEC_REFS, TEMP_REFS, PREPARED_REF = "refs/exps/exec", "refs/exps/temp", "refs/exps/stash"
MERGE_REF = f"{EXEC_REFS}/EXEC_MERGE"  # the commit with the params and files of the experiment
KEPT_REFS = {f"{EXEC_REFS}/EXEC_APPLY", f"{EXEC_REFS}/EXEC_HEAD"}  # DVC leaves these after a good end, too
KEPT_NOTE = "its params and files stay in `git stash list`"
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
        generated: files that do not count, because the stages write them; from the top of the Git repository.
    """
    files = [file for file in _diff(f"{commit}^1", commit) if _is_user_file(file) and file not in generated]
    differing = _diff(commit, "--", *_from_top(files)) if files else ()
    trees = {_tree(f"{commit}^1"), _tree(commit)}
    return Stash(
        name=name,
        commit=commit,
        message=message,
        differing=differing,
        changed=_diff("HEAD", "--", *_from_top(differing)) if differing else (),
        is_on_head=run_git("rev-parse", f"{commit}^1") == run_git("rev-parse", "HEAD"),
        is_plain=git_or_none("rev-parse", "-q", "--verify", f"{commit}^2") is None or _tree(f"{commit}^2") in trees,
    )


def _is_user_file(file: str) -> bool:
    """Return whether a person wrote the file: DVC adds its own, and a run writes dvc.lock."""
    return "/.dvc/tmp/" not in f"/{file}" and PurePath(file).name != LOCK_PATH


def _diff(*arguments: str) -> tuple[str, ...]:
    """Return the names of the files that `git diff` lists, from the top of the repository."""
    return tuple(name for name in run_git("diff", "--no-ext-diff", "--name-only", "-z", *arguments).split("\0") if name)


def _from_top(files: Iterable[str]) -> list[str]:
    """Return files as Git takes them in every folder."""
    return [f":(top,literal){file}" for file in files]


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
    return git_output("cat-file", "commit", commit)


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
    outs = generated_files()
    commits = [commit for ref, commit in refs.items() if ref == MERGE_REF or "/temp/merge-" in ref]
    experiments = []
    for commit in dict.fromkeys(commits):
        stash = read_stash("", commit, run_git("log", "-1", "--format=%s", commit), outs)
        experiments.append(PreparedExperiment(commit, experiment_name(stash.message), bool(stash.differing)))
    return experiments


def generated_files() -> frozenset[str]:
    """Return what the stages of all models have written, from the top of the Git repository."""
    listed = run_git("ls-files", "-z", "--full-name", "--", f":(top,glob)**/{LOCK_PATH}").split("\0")
    locks = {run_git("rev-parse", "--show-prefix") + LOCK_PATH, *filter(None, listed)}
    top, generated = Path(run_git("rev-parse", "--show-toplevel")), set[str]()
    for lock in locks:
        with suppress(InputError):  # it cannot be read, which is a finding of its own
            stages = read_lock_file(top / lock).values()
            generated.update(normpath(join(dirname(lock), out)) for stage in stages for out in stage.outs)
    return frozenset(generated)


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
