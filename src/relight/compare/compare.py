"""`relight compare`: runs side by side, whether a difference is more than noise, and which rows moved."""

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from relight.compare.curves import MAX_CURVES, RunCurves, curve_figures, monitor_of
from relight.compare.paired import Candidate
from relight.compare.predictions import (
    RunPredictions,
    cached_curves,
    cached_predictions,
    cached_weights,
    parse_test_predictions,
    task_from_metrics,
)
from relight.compare.runs import ComparedRun, compare_runs, score_names
from relight.compare.selection import WORKSPACE_NAME, named_runs, runs_on_head
from relight.compare.tables import format_table, terminal_width, text_tables, wrap_text
from relight.compare.wording import (
    changed_params_text,
    changed_rows_text,
    comparison_notes,
    noise_explanation,
    score_wording,
)
from relight.errors import InputError, RunError
from relight.metrics.direction import Better, as_loss, directions_of, name_with_direction
from relight.plot.score_tables import positive_text
from relight.repository.dvc_command import cache_folder
from relight.repository.revisions import RecordedRun
from relight.runtime.nested import flatten_to_text

HASH_LENGTH = 7  # characters of a commit that are shown


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
    selected = named_runs(names) if names else runs_on_head()
    if len(selected.runs) < 2:
        explanation = " ".join(selected.notes)
        raise InputError(
            f"relight compare: nothing to compare with {selected.runs[0][0]}; `dvc exp run` makes one. {explanation}"
        )
    cache = cache_folder()
    candidates = [_candidate(cache, name, commit, run) for name, commit, run in selected.runs]
    compared, scores = compare_runs(candidates, n_rows), score_names(candidates)
    directions = directions_of(*(each.metrics for each in candidates))
    labels = {name: name_with_direction(name, directions) for name in scores}
    if not names and scores:
        better = directions.get(scores[0])
        compared = [compared[0], *sorted(compared[1:], key=lambda run: _sort_key(run, scores[0], better))]
    notes = [*filter(None, [positive_text(candidates[0].metrics)]), *selected.notes]
    if page is not None:
        _write_page(page, cache, compared, candidates, labels, notes)
    written = f"Page: {page}\n" if page is not None else ""
    if markdown:
        return _markdown_text(compared, labels, notes)
    return _terminal_text(compared, labels, notes) + written


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


def _sort_key(run: ComparedRun, score: str, better: Better | None) -> tuple[bool, float, str]:
    """Return a key that sorts the best run first, and those without the score last."""
    value = run.scores[score].value
    if value is None or better is None:
        return True, 0.0, run.name
    return False, as_loss(better, value), run.name


def _terminal_text(runs: list[ComparedRun], labels: dict[str, str], notes: list[str]) -> str:
    tables = [format_table(*table) for table in text_tables(runs, labels, terminal_width())]
    paragraphs = [noise_explanation(runs), *notes, *comparison_notes(runs)]
    return "".join(
        [wrap_text(f"Compared with {runs[0].name} ({runs[0].commit})."), "\n", *tables, *map(wrap_text, paragraphs)]
    )


def _markdown_text(runs: list[ComparedRun], labels: dict[str, str], notes: list[str]) -> str:
    from relight.compare.page import markdown_table  # imports Jinja and matplotlib

    rows = []
    for run in runs:
        words = [score_wording(run.scores[name]) for name in labels]
        cells = ["\n".join(filter(None, (w.value, w.interval, f"{w.difference} {w.verdict}".strip()))) for w in words]
        rows.append([run.name, *cells, changed_params_text(run) if run is not runs[0] else "", changed_rows_text(run)])
    heads = ["run", *labels.values(), f"changed from {runs[0].name}", "test rows"]
    title = f"Compared with {runs[0].name} ({runs[0].commit})"
    return markdown_table(title, heads, rows, [noise_explanation(runs), *notes, *comparison_notes(runs)])


def _write_page(
    page: Path,
    cache: Path,
    runs: list[ComparedRun],
    candidates: list[Candidate],
    labels: dict[str, str],
    notes: list[str],
) -> None:
    from relight.compare.page import (
        MAX_RUNS_PER_FIGURE,
        comparison_page_content,
        score_figures,
        svg_text,  # a second of imports that only the page needs
        write_comparison,
    )

    objects = {each.name: each.objects for each in candidates}
    curves, missing_notes = _read_curves(cache, runs[:MAX_CURVES], objects)
    figures = {**curve_figures(curves), **score_figures(runs, list(labels))}
    left_out = (
        f"Pictures show at most {MAX_CURVES} curves and {MAX_RUNS_PER_FIGURE} scores." if len(runs) > MAX_CURVES else ""
    )
    pictures = {name: svg_text(figure, name.replace("_", " ")) for name, figure in figures.items()}
    write_comparison(page, comparison_page_content(runs, labels, [*notes, *missing_notes], left_out), pictures)


def _read_curves(
    cache: Path, runs: Iterable[ComparedRun], objects: dict[str, dict[str, str]]
) -> tuple[list[RunCurves], list[str]]:
    """Return the curves that are there, and a sentence for each that are not."""
    readable, missing_notes = [], []
    for run in runs:
        try:
            readable.append(RunCurves(run.name, cached_curves(cache, objects[run.name]), monitor_of(run.params)))
        except RunError as error:
            missing_notes.append(f"{run.name}: the curves are not known: {error.problems[0]}.")
    return readable, missing_notes
