"""The runs that are compared: those that are named, or HEAD, the workspace and the experiments on HEAD.

An experiment is a commit of the whole repository. Only those in which this model ran have a result of it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from relight.errors import InputError
from relight.repository.git import run_git
from relight.repository.history import Experiment, failed_experiments, find_commit, list_experiments, resolve_commits
from relight.repository.other_models import ChangedFolders, changed_folders
from relight.repository.revisions import LOCK_PATH, RecordedRun, read_commits, read_workspace
from relight.runtime.nested import flatten_to_text

WORKSPACE_NAME = "workspace"


class FoundRuns(NamedTuple):
    """The runs to compare.

    Attributes:
        runs: name, commit (or `workspace`) and content, the baseline first.
        notes: on the comparison as a whole.
    """

    runs: list[tuple[str, str, RecordedRun]]
    notes: list[str]


def runs_on_head() -> FoundRuns:
    """Return HEAD, the workspace if it is another run, and the experiments on HEAD in which this model ran."""
    head = run_git("rev-parse", "HEAD")
    experiments = [each for each in list_experiments() if each.baseline == head]
    read, workspace = read_commits([head, *(each.commit for each in experiments)]), read_workspace()
    experiments, idle = _with_result(experiments, read, workspace)
    runs = [("HEAD", head, read[head])]
    on_head = [*runs, *((each.name, each.commit, read[each.commit]) for each in experiments)]
    same = next((name for name, _, run in on_head if _is_same_run(workspace, run)), None)
    notes: list[str] = []
    if same is not None:
        notes.append(f"The workspace is as {same}.")
    else:
        runs.append((WORKSPACE_NAME, WORKSPACE_NAME, workspace))
        if workspace.metrics == read[head].metrics and workspace.objects == read[head].objects:
            notes.append("The params of the workspace are not those of HEAD, its result still is: `dvc repro` runs it.")
    runs += on_head[1:]
    notes += _idle_notes(idle)
    failed = failed_experiments(head)
    if failed:
        notes.append(f"Failed, and without a result: {', '.join(failed)}; `dvc queue logs NAME` says why.")
    return FoundRuns(runs, notes)


def named_runs(names: list[str]) -> FoundRuns:
    """Return the runs of these names; HEAD and the run if there is only one name.

    Raises:
        InputError: with every name that is unknown.
    """
    wanted = list(dict.fromkeys(names))
    if len(wanted) == 1:
        wanted = list(dict.fromkeys(["HEAD", *wanted]))
    experiments = list_experiments()
    commits = _commits_of(wanted, experiments)
    named = [each for each in experiments if each.commit in commits.values()]
    read = read_commits(commit for name, commit in commits.items() if name != WORKSPACE_NAME)
    workspace = read_workspace()
    if WORKSPACE_NAME in wanted:
        read[WORKSPACE_NAME] = workspace
    runs = [(name, commits[name], read[commits[name]]) for name in wanted]
    kept, idle = _with_result(named, {**read_commits(each.baseline for each in named), **read}, workspace)
    others = [each.name for each in named if each not in kept and each.name not in idle]
    of_others = [f"{name} is an experiment of another model; this one did not run in it." for name in others]
    return FoundRuns(runs, [*_idle_notes(idle), *of_others])


def _commits_of(names: list[str], experiments: list[Experiment]) -> dict[str, str]:
    head, resolved = run_git("rev-parse", "HEAD"), resolve_commits(names)
    commits = {WORKSPACE_NAME: WORKSPACE_NAME}
    problems: list[str] = []
    for name in names:
        try:
            commits[name] = commits.get(name) or find_commit(name, resolved, experiments, head)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return commits


def _with_result(
    experiments: Sequence[Experiment], read: Mapping[str, RecordedRun], workspace: RecordedRun
) -> tuple[list[Experiment], list[str]]:
    """Return the experiments that are this model's, and the names of those whose params no stage ran with.

    Args:
        read: the runs that the experiments and their baselines record.
    """
    changed = changed_folders(((each.commit, each.baseline) for each in experiments), LOCK_PATH)
    before = flatten_to_text(workspace.params)  # edits that `dvc exp run` of another model has taken along
    known = [workspace, *(read[each.commit] for each in experiments if not changed[each.commit].elsewhere)]
    kept, idle = [], []
    for each in experiments:
        run, folders = read[each.commit], changed[each.commit]
        has_own_params = flatten_to_text(run.params) not in (flatten_to_text(read[each.baseline].params), before)
        if folders.here and folders.elsewhere and any(_is_same_run(run, other) for other in known):
            continue  # an experiment of another model, which has taken along what was not committed of this one
        if _has_result(folders, has_own_params=has_own_params):
            kept.append(each)
        elif has_own_params:
            idle.append(each.name)
    return kept, idle


def _has_result(changed: ChangedFolders, *, has_own_params: bool) -> bool:
    """Return whether this model ran in an experiment, or nothing was to run in it.

    Args:
        changed: by the experiment; here its dvc.lock, if a stage ran.
    """
    return changed.here or not (changed.elsewhere or has_own_params)


def _idle_notes(names: list[str]) -> list[str]:
    if not names:
        return []
    return [
        f"Without a result, because no stage of this folder ran with their params: {', '.join(names)}; `dvc exp apply "
        "NAME` and `dvc repro` run one. (DVC runs its whole queue in the folder where `dvc queue start` was called.)"
    ]


def _is_same_run(first: RecordedRun, second: RecordedRun) -> bool:
    """Return whether two runs are the same, however `dvc exp run` has written the params."""
    return first._replace(params={}) == second._replace(params={}) and flatten_to_text(first.params) == flatten_to_text(
        second.params
    )
