"""compare: runs side by side, whether a difference is more than noise, and which rows moved. Needs no torch."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relight.compare.page import Curve
from relight.compare.predictions import Answered, answered, cached_curves, cached_predictions, cached_weights, task_of
from relight.compare.runs import Candidate, Compared, compare_runs, score_names
from relight.compare.tables import paragraph, table_text, tables_of, width_of_terminal
from relight.compare.wording import changes_of, how_it_is_said, moved_in_words, notes_on, words_of
from relight.errors import InputError, RunError
from relight.metrics.direction import shortfall, with_direction
from relight.repository.dvc import cache_folder
from relight.repository.git import git
from relight.repository.history import commit_named, commits_of, experiments, failed_experiments
from relight.repository.revisions import Run, read_commits, read_workspace
from relight.runtime.nested import flat

WORKSPACE = "workspace"

SHORT = 7  # letters of a commit


class Found(NamedTuple):
    """
    Attributes:
        runs: name, commit (or `workspace`) and content, the first of them first.
        notes: of the comparison as a whole.
    """

    runs: list[tuple[str, str, Run]]
    notes: list[str]


def compare(names: list[str], *, page: Path | None, markdown: bool, n_rows: int) -> str:
    """The text for the terminal, or for a pull request; the page is written where one is asked for.

    Args:
        names: experiments, branches, tags, commits or `workspace`; none for HEAD, the workspace and all on it.
        n_rows: how many of the rows that moved most are named.

    Raises:
        InputError: for a name of nothing, or a page that cannot be written.
    """
    found = _named(names) if names else _on_head()
    if len(found.runs) < 2:
        said = " ".join(found.notes)
        raise InputError(
            f"relight compare: nothing to hold against {found.runs[0][0]}; `dvc exp run` makes one. {said}"
        )
    cache = cache_folder()
    candidates = [_candidate(cache, name, commit, run) for name, commit, run in found.runs]
    compared, scores = compare_runs(candidates, n_rows), score_names(candidates)
    if not names and scores:
        compared = [compared[0], *sorted(compared[1:], key=lambda run: _rank(run, scores[0]))]
    if page is not None:
        _write_page(page, cache, compared, candidates, scores, found.notes)
    written = f"Page: {page}\n" if page is not None else ""
    if markdown:
        return _markdown(compared, scores, found.notes)
    return _terminal(compared, scores, found.notes) + written


def _on_head() -> Found:
    head = git("rev-parse", "HEAD")
    among = [each for each in experiments() if each.baseline == head]
    read = read_commits([head, *(each.commit for each in among)])
    here = read_workspace()
    notes: list[str] = []
    runs = [("HEAD", head, read[head])]
    on_head = [*runs, *((each.name, each.commit, read[each.commit]) for each in among)]
    same = next((name for name, _, run in on_head if _is_as(here, run)), None)
    if same is not None:
        notes.append(f"The workspace is as {same}.")
    else:
        runs.append((WORKSPACE, WORKSPACE, here))
        if here.metrics == read[head].metrics and here.objects == read[head].objects:
            notes.append("The params of the workspace are not those of HEAD, its result still is: `dvc repro` runs it.")
    runs += on_head[1:]
    failed = failed_experiments(head)
    if failed:
        notes.append(f"Failed, and without a result: {', '.join(failed)}; `dvc queue logs NAME` says why.")
    return Found(runs, notes)


def _is_as(one: Run, other: Run) -> bool:
    """Whatever way `dvc exp run` has written the params."""
    return one._replace(params={}) == other._replace(params={}) and flat(one.params) == flat(other.params)


def _named(names: list[str]) -> Found:
    wanted = list(dict.fromkeys(names))
    if len(wanted) == 1:
        wanted = list(dict.fromkeys(["HEAD", *wanted]))
    head, known, among = git("rev-parse", "HEAD"), commits_of(wanted), experiments()
    commits = {WORKSPACE: WORKSPACE}
    problems: list[str] = []
    for name in wanted:
        try:
            commits[name] = commits.get(name) or commit_named(name, known, among, head)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    read = read_commits(commits[name] for name in wanted if name != WORKSPACE)
    if WORKSPACE in wanted:
        read[WORKSPACE] = read_workspace()
    return Found([(name, commits[name], read[commits[name]]) for name in wanted], [])


def _candidate(cache: Path, name: str, commit: str, run: Run) -> Candidate:
    short = commit if commit == WORKSPACE else commit[:SHORT]
    rows = _rows(cache, run)
    return Candidate(name, short, run.params, run.metrics, run.objects, rows, run.missing)


def _rows(cache: Path, run: Run) -> Answered | str:
    """The answers for the test rows, or why they are not known."""
    task = task_of(run.metrics)
    if task is None:
        return "there are no metrics"
    try:
        is_weighted = flat(run.params).get("prepare.weight", "null") != "null"
        table = cached_predictions(cache, run.objects)
        weight = cached_weights(cache, run.objects) if is_weighted else None
        return answered(task, table, weight, run.metrics.get("threshold_distance"))
    except RunError as error:
        return error.problems[0]
    except (ValueError, TypeError, KeyError, pl.exceptions.PolarsError):
        return "predictions.csv is not the one of this task"


def _rank(run: Compared, score: str) -> tuple[bool, float, str]:
    """The best one first; those without the score last."""
    value = run.scores[score].value
    if value is None:
        return True, 0.0, run.name
    return False, shortfall(score, value), run.name


def _terminal(runs: list[Compared], scores: list[str], notes: list[str]) -> str:
    tables = [table_text(*table) for table in tables_of(runs, scores, width_of_terminal())]
    said = [how_it_is_said(runs), *notes, *notes_on(runs)]
    return "".join(
        [paragraph(f"Held against {runs[0].name} ({runs[0].commit})."), "\n", *tables, *map(paragraph, said)]
    )


def _markdown(runs: list[Compared], scores: list[str], notes: list[str]) -> str:
    from relight.compare.page import markdown  # with Jinja, as the page

    rows = []
    for run in runs:
        words = [words_of(run.scores[name]) for name in scores]
        cells = ["\n".join(filter(None, (w.value, w.interval, f"{w.difference} {w.verdict}".strip()))) for w in words]
        rows.append([run.name, *cells, changes_of(run) if run is not runs[0] else "", moved_in_words(run)])
    heads = ["run", *(with_direction(name) for name in scores), f"otherwise than {runs[0].name}", "test rows"]
    title = f"Held against {runs[0].name} ({runs[0].commit})"
    return markdown(title, heads, rows, [how_it_is_said(runs), *notes, *notes_on(runs)])


def _write_page(
    page: Path, cache: Path, runs: list[Compared], candidates: list[Candidate], scores: list[str], notes: list[str]
) -> None:
    from relight.compare.page import (
        MOST_CURVES,
        MOST_RUNS,
        curve_figures,
        page_content,
        score_figures,
        svg_text,  # a second of imports that only the page needs
        write_comparison,
    )

    objects = {each.name: each.objects for each in candidates}
    curves, lost = _curves(cache, [(run.name, objects[run.name]) for run in runs[:MOST_CURVES]])
    figures = {**curve_figures(curves), **score_figures(runs, scores)}
    left_out = f"Pictures show at most {MOST_CURVES} curves and {MOST_RUNS} scores." if len(runs) > MOST_CURVES else ""
    pictures = {name: svg_text(figure, name.replace("_", " ")) for name, figure in figures.items()}
    write_comparison(page, page_content(runs, scores, [*notes, *lost], left_out), pictures)


def _curves(cache: Path, runs: Iterable[tuple[str, dict[str, str]]]) -> tuple[list[Curve], list[str]]:
    """Those that are there, and a sentence for each that is not."""
    found, lost = [], []
    for name, objects in runs:
        try:
            found.append(Curve(name, cached_curves(cache, objects)))
        except RunError as error:
            lost.append(f"{name}: the curves are not known: {error.problems[0]}.")
    return found, lost
