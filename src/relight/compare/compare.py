"""`relight compare`: runs side by side, whether a difference is more than noise, and which rows moved."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relight.compare.page import RunCurves
from relight.compare.predictions import (
    RunPredictions,
    cached_curves,
    cached_predictions,
    cached_weights,
    parse_test_predictions,
    task_from_metrics,
)
from relight.compare.runs import Candidate, ComparedRun, compare_runs, score_names
from relight.compare.tables import format_table, terminal_width, text_tables, wrap_text
from relight.compare.wording import (
    changed_params_text,
    changed_rows_text,
    comparison_notes,
    noise_explanation,
    score_wording,
)
from relight.errors import InputError, RunError
from relight.metrics.direction import as_loss, name_with_direction
from relight.repository.dvc import cache_folder
from relight.repository.git import run_git
from relight.repository.history import (
    experiments_of_other_models,
    failed_experiments,
    find_commit,
    list_experiments,
    resolve_commits,
)
from relight.repository.revisions import RecordedRun, read_commits, read_workspace
from relight.runtime.nested import flatten_to_text

WORKSPACE_NAME = "workspace"

HASH_LENGTH = 7  # characters of a commit that are shown
OTHER_MODEL_NOTE = "{name} is an experiment of another model, in which this one did not run."


class FoundRuns(NamedTuple):
    """The runs to compare.

    Attributes:
        runs: name, commit (or `workspace`) and content, the baseline first.
        notes: on the comparison as a whole.
    """

    runs: list[tuple[str, str, RecordedRun]]
    notes: list[str]


def compare(names: list[str], *, page: Path | None, markdown: bool, n_rows: int) -> str:
    """Return the comparison as text for the terminal or a pull request, and write the page if asked to.

    Args:
        names: experiments, branches, tags, commits or `workspace`; none for HEAD, the workspace and all experiments on
            HEAD.
        page: path of the HTML page; None for no page.
        markdown: whether the text is for a pull request.
        n_rows: how many of the rows that moved most are named.

    Raises:
        InputError: if a name is unknown, there is nothing to compare, or the page cannot be written.
    """
    selected = _named_runs(names) if names else _runs_on_head()
    if len(selected.runs) < 2:
        explanation = " ".join(selected.notes)
        raise InputError(
            f"relight compare: nothing to compare with {selected.runs[0][0]}; `dvc exp run` makes one. {explanation}"
        )
    cache = cache_folder()
    candidates = [_candidate(cache, name, commit, run) for name, commit, run in selected.runs]
    compared, scores = compare_runs(candidates, n_rows), score_names(candidates)
    if not names and scores:
        compared = [compared[0], *sorted(compared[1:], key=lambda run: _sort_key(run, scores[0]))]
    if page is not None:
        _write_page(page, cache, compared, candidates, scores, selected.notes)
    written = f"Page: {page}\n" if page is not None else ""
    if markdown:
        return _markdown_text(compared, scores, selected.notes)
    return _terminal_text(compared, scores, selected.notes) + written


def _runs_on_head() -> FoundRuns:
    head = run_git("rev-parse", "HEAD")
    experiments = [each for each in list_experiments() if each.baseline == head]
    others = experiments_of_other_models(experiments)
    experiments = [each for each in experiments if each.commit not in others]
    read = read_commits([head, *(each.commit for each in experiments)])
    workspace = read_workspace()
    notes: list[str] = []
    runs = [("HEAD", head, read[head])]
    on_head = [*runs, *((each.name, each.commit, read[each.commit]) for each in experiments)]
    same = next((name for name, _, run in on_head if _is_same_run(workspace, run)), None)
    if same is not None:
        notes.append(f"The workspace is as {same}.")
    else:
        runs.append((WORKSPACE_NAME, WORKSPACE_NAME, workspace))
        if workspace.metrics == read[head].metrics and workspace.objects == read[head].objects:
            notes.append("The params of the workspace are not those of HEAD, its result still is: `dvc repro` runs it.")
    runs += on_head[1:]
    failed = failed_experiments(head)
    if failed:
        notes.append(f"Failed, and without a result: {', '.join(failed)}; `dvc queue logs NAME` says why.")
    return FoundRuns(runs, notes)


def _is_same_run(first: RecordedRun, second: RecordedRun) -> bool:
    """Return whether two runs are the same, however `dvc exp run` has written the params."""
    return first._replace(params={}) == second._replace(params={}) and flatten_to_text(first.params) == flatten_to_text(
        second.params
    )


def _named_runs(names: list[str]) -> FoundRuns:
    wanted = list(dict.fromkeys(names))
    if len(wanted) == 1:
        wanted = list(dict.fromkeys(["HEAD", *wanted]))
    head, resolved, experiments = run_git("rev-parse", "HEAD"), resolve_commits(wanted), list_experiments()
    commits = {WORKSPACE_NAME: WORKSPACE_NAME}
    problems: list[str] = []
    for name in wanted:
        try:
            commits[name] = commits.get(name) or find_commit(name, resolved, experiments, head)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    read = read_commits(commits[name] for name in wanted if name != WORKSPACE_NAME)
    if WORKSPACE_NAME in wanted:
        read[WORKSPACE_NAME] = read_workspace()
    others = experiments_of_other_models(each for each in experiments if each.commit in commits.values())
    notes = [OTHER_MODEL_NOTE.format(name=name) for name in wanted if commits[name] in others]
    return FoundRuns([(name, commits[name], read[commits[name]]) for name in wanted], notes)


def _candidate(cache: Path, name: str, commit: str, run: RecordedRun) -> Candidate:
    short = commit if commit == WORKSPACE_NAME else commit[:HASH_LENGTH]
    rows = _test_predictions(cache, run)
    return Candidate(name, short, run.params, run.metrics, run.objects, rows, run.missing)


def _test_predictions(cache: Path, run: RecordedRun) -> RunPredictions | str:
    """Return the predictions for the test rows, or why they are not known."""
    task = task_from_metrics(run.metrics)
    if task is None:
        return "there are no metrics"
    try:
        is_weighted = flatten_to_text(run.params).get("prepare.weight", "null") != "null"
        table = cached_predictions(cache, run.objects)
        weight = cached_weights(cache, run.objects) if is_weighted else None
        return parse_test_predictions(task, table, weight, run.metrics.get("threshold_distance"))
    except RunError as error:
        return error.problems[0]
    except (ValueError, TypeError, KeyError, pl.exceptions.PolarsError):
        return "predictions.csv is not the one of this task"


def _sort_key(run: ComparedRun, score: str) -> tuple[bool, float, str]:
    """Return a key that sorts the best run first, and those without the score last."""
    value = run.scores[score].value
    if value is None:
        return True, 0.0, run.name
    return False, as_loss(score, value), run.name


def _terminal_text(runs: list[ComparedRun], scores: list[str], notes: list[str]) -> str:
    tables = [format_table(*table) for table in text_tables(runs, scores, terminal_width())]
    paragraphs = [noise_explanation(runs), *notes, *comparison_notes(runs)]
    return "".join(
        [wrap_text(f"Compared with {runs[0].name} ({runs[0].commit})."), "\n", *tables, *map(wrap_text, paragraphs)]
    )


def _markdown_text(runs: list[ComparedRun], scores: list[str], notes: list[str]) -> str:
    from relight.compare.page import markdown_table  # imports Jinja and matplotlib

    rows = []
    for run in runs:
        words = [score_wording(run.scores[name]) for name in scores]
        cells = ["\n".join(filter(None, (w.value, w.interval, f"{w.difference} {w.verdict}".strip()))) for w in words]
        rows.append([run.name, *cells, changed_params_text(run) if run is not runs[0] else "", changed_rows_text(run)])
    heads = ["run", *(name_with_direction(name) for name in scores), f"changed from {runs[0].name}", "test rows"]
    title = f"Compared with {runs[0].name} ({runs[0].commit})"
    return markdown_table(title, heads, rows, [noise_explanation(runs), *notes, *comparison_notes(runs)])


def _write_page(
    page: Path, cache: Path, runs: list[ComparedRun], candidates: list[Candidate], scores: list[str], notes: list[str]
) -> None:
    from relight.compare.page import (
        MAX_CURVES,
        MAX_RUNS_PER_FIGURE,
        comparison_page_content,
        curve_figures,
        score_figures,
        svg_text,  # a second of imports that only the page needs
        write_comparison,
    )

    objects = {each.name: each.objects for each in candidates}
    curves, missing_notes = _read_curves(cache, [(run.name, objects[run.name]) for run in runs[:MAX_CURVES]])
    figures = {**curve_figures(curves), **score_figures(runs, scores)}
    left_out = (
        f"Pictures show at most {MAX_CURVES} curves and {MAX_RUNS_PER_FIGURE} scores." if len(runs) > MAX_CURVES else ""
    )
    pictures = {name: svg_text(figure, name.replace("_", " ")) for name, figure in figures.items()}
    write_comparison(page, comparison_page_content(runs, scores, [*notes, *missing_notes], left_out), pictures)


def _read_curves(cache: Path, runs: Iterable[tuple[str, dict[str, str]]]) -> tuple[list[RunCurves], list[str]]:
    """Return the curves that are there, and a sentence for each that are not."""
    readable, missing_notes = [], []
    for name, objects in runs:
        try:
            readable.append(RunCurves(name, cached_curves(cache, objects)))
        except RunError as error:
            missing_notes.append(f"{name}: the curves are not known: {error.problems[0]}.")
    return readable, missing_notes
