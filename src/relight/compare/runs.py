"""Runs beside the first of them: params that differ, scores of the test rows, and what their difference is worth."""

from math import isclose
from typing import Any, NamedTuple

from relight.compare.changed_rows import ChangedPredictions, changed_predictions
from relight.compare.predictions import RunPredictions, have_same_rows, task_from_metrics
from relight.compare.significance import (
    ResampledScores,
    Resamples,
    SeedStatistics,
    Verdict,
    bootstrap_scores,
    difference_intervals,
    draw_resamples,
    noise_verdict,
)
from relight.data.schema import Task
from relight.metrics.bootstrap import IntervalEnds
from relight.metrics.direction import as_loss
from relight.metrics.scorers import primary_metric
from relight.runtime.nested import changed_values, flatten

Json = dict[str, Any]


ROWS_PER_SECOND, MAX_BOOTSTRAP_SECONDS = 4000, 10  # of scores that are no means of rows: about so long, and no longer


class Candidate(NamedTuple):
    """A run as it was found.

    Attributes:
        rows: what it says of the test rows, or why that is not known.
        missing: what else is not there, a sentence each.
    """

    name: str
    commit: str
    params: Json
    metrics: Json
    objects: dict[str, str]
    rows: RunPredictions | str
    missing: list[str]


class ComparedScore(NamedTuple):
    """
    Attributes:
        value: None where the run lacks it.
        interval: 95 %, where evaluate made one.
        difference: to the first; None of the first itself, and where one of both lacks the score.
        is_better: where there is a difference.
    """

    value: float | None
    interval: IntervalEnds | None
    difference: float | None
    is_better: bool
    verdict: Verdict | None


class ComparedRun(NamedTuple):
    """
    Attributes:
        params: all, by their dotted keys.
        changes: what is set otherwise than in the first.
        moved: the test rows whose predictions changed, where both are known.
        notes: what is to be known of this run.
    """

    name: str
    commit: str
    params: dict[str, str]
    changes: list[tuple[str, str]]
    scores: dict[str, ComparedScore]
    moved: ChangedPredictions | None
    notes: list[str]


class BaselineBootstrap(NamedTuple):
    resamples: Resamples
    scores: ResampledScores
    every_score: bool


def score_names(candidates: list[Candidate]) -> list[str]:
    """All scores of test rows; the one that stands for the task of the first is the first of them."""
    names = sorted({name for each in candidates for name in each.metrics.get("test", {})})
    first = task_from_metrics(candidates[0].metrics) or next(
        filter(None, (task_from_metrics(each.metrics) for each in candidates)), None
    )
    head = primary_metric(first) if first is not None else ""
    return sorted(names, key=lambda name: name != head)


def compare_runs(candidates: list[Candidate], n_rows: int) -> list[ComparedRun]:
    """The first, and the others held against it.

    Args:
        n_rows: how many of the rows that moved most are named.
    """
    first, names = candidates[0], score_names(candidates)
    drawn = _bootstrap_baseline(first, candidates)
    own = _own_scores(first, names)
    compared = [ComparedRun(first.name, first.commit, flatten(first.params), [], own, None, _notes(first, ""))]
    for other in candidates[1:]:
        reason = incomparable_reason(first, other)
        paired, why = ({}, reason) if reason else _paired_intervals(first, drawn, other)
        scores = {name: _compare_score(name, first, other, reason, paired.get(name), why) for name in names}
        both = isinstance(first.rows, RunPredictions) and isinstance(other.rows, RunPredictions) and not reason
        moved = changed_predictions(first.rows, other.rows, n_rows) if both else None  # type: ignore[arg-type]
        params = flatten(other.params)
        different = changed_values(flatten(first.params), params)
        compared.append(ComparedRun(other.name, other.commit, params, different, scores, moved, _notes(other, reason)))
    return compared


def _notes(run: Candidate, reason: str) -> list[str]:
    unknown = [f"the test rows are not known: {run.rows}"] if isinstance(run.rows, str) else []
    return [*run.missing, *unknown, *([reason] if reason else [])]


def incomparable_reason(first: Candidate, other: Candidate) -> str:
    """Why the difference of their scores says nothing of the models, or nothing."""
    tasks: tuple[Task | None, Task | None] = (task_from_metrics(first.metrics), task_from_metrics(other.metrics))
    for each, task in zip((first, other), tasks, strict=True):
        if task is None:
            return f"{each.name} has no metrics"
    if tasks[0] != tasks[1]:
        return f"not comparable: {_task_text(tasks[1])} here, {_task_text(tasks[0])} there"
    targets = [flatten(each.params).get("prepare.target") for each in (first, other)]
    if targets[0] != targets[1]:
        return f"not comparable: the target is {targets[1]} here, {targets[0]} there"
    if _have_other_rows(first, other):
        return "other test rows: the difference says nothing about the models alone"
    return ""


def _task_text(task: Task | None) -> str:
    return "classes" if task == "multiclass" else str(task)


def _have_other_rows(first: Candidate, other: Candidate) -> bool:
    """By the rows themselves; where they are not known, by what they were drawn from and how."""
    if isinstance(first.rows, RunPredictions) and isinstance(other.rows, RunPredictions):
        return not have_same_rows(first.rows, other.rows)
    if _are_equal(first, other, "data/split/test.safetensors"):
        return False
    splits = [flatten(each.params.get("split", {})) for each in (first, other)]
    return splits[0] != splits[1] or _are_equal(first, other, "data/prepared/table.parquet") is False


def _are_equal(first: Candidate, other: Candidate, path: str) -> bool | None:
    """The bytes of an out; None where one of both has none."""
    one, two = first.objects.get(path), other.objects.get(path)
    return None if one is None or two is None else one == two


def _bootstrap_baseline(first: Candidate, candidates: list[Candidate]) -> BaselineBootstrap | str:
    """The resamples, which are the same for all, and the first's scores on them; or why there are none."""
    if isinstance(first.rows, str):
        return first.rows
    n_known = sum(isinstance(each.rows, RunPredictions) for each in candidates)
    seconds = n_known * (1 + len(first.rows.target) / ROWS_PER_SECOND)
    every_score = seconds <= MAX_BOOTSTRAP_SECONDS or first.rows.task in ("ranking", "forecast")
    resamples = draw_resamples(first.rows)
    if isinstance(resamples, str):
        return resamples
    return BaselineBootstrap(resamples, bootstrap_scores(first.rows, resamples, every_score=every_score), every_score)


def _paired_intervals(
    first: Candidate, drawn: BaselineBootstrap | str, other: Candidate
) -> tuple[dict[str, IntervalEnds], str]:
    """The interval of the difference of each score, and why there is none of the others."""
    for each in (first, other):
        if isinstance(each.rows, str):
            return {}, f"{each.name}: {each.rows}; evaluate.bootstrap makes intervals, which Git keeps"
    assert isinstance(other.rows, RunPredictions)
    if isinstance(drawn, str):
        return {}, drawn
    found = bootstrap_scores(other.rows, drawn.resamples, every_score=drawn.every_score)
    why = "it is not resampled" if drawn.every_score else "it is resampled where fewer runs are named"
    ends = difference_intervals(drawn.scores, found, drawn.resamples.scale)
    return ends | _mase_interval(first, other, ends), why


def _mase_interval(first: Candidate, other: Candidate, ends: dict[str, IntervalEnds]) -> dict[str, IntervalEnds]:
    """MASE is the MAE in a unit of the train rows: where both have the same unit, so have the differences."""
    scores = [run.metrics["test"] for run in (first, other)]
    if "mae" not in ends or not all(each.get("mase") and each["mae"] for each in scores):
        return {}
    one, two = (each["mase"] / each["mae"] for each in scores)
    return {"mase": (one * ends["mae"][0], one * ends["mae"][1])} if isclose(one, two, rel_tol=1e-9) else {}


def _own_scores(run: Candidate, names: list[str]) -> dict[str, ComparedScore]:
    scores = run.metrics.get("test", {})
    return {name: ComparedScore(scores.get(name), _interval(run, name), None, False, None) for name in names}


def _compare_score(
    name: str, first: Candidate, other: Candidate, reason: str, paired: IntervalEnds | None, why: str
) -> ComparedScore:
    one, two = (run.metrics.get("test", {}).get(name) for run in (first, other))
    if one is None or two is None:
        lacking = [run.name for run, value in ((first, one), (other, two)) if value is None]
        said = Verdict("unknown", reason or f"{' and '.join(lacking)} has no {name}")
        return ComparedScore(two, _interval(other, name), None, False, said)
    difference = two - one
    is_better = as_loss(name, two) < as_loss(name, one)
    said = Verdict("unknown", reason)
    if not reason:
        intervals = _interval(first, name), _interval(other, name)
        seeds = _seed_statistics(first, name), _seed_statistics(other, name)
        said = noise_verdict(difference, paired=paired, intervals=intervals, seeds=seeds, without_rows=why)
    return ComparedScore(two, _interval(other, name), difference, is_better, said)


def _interval(run: Candidate, name: str) -> IntervalEnds | None:
    ends = run.metrics.get("intervals", {}).get("test", {}).get(name)
    return None if ends is None else (ends[0], ends[1])


def _seed_statistics(run: Candidate, name: str) -> SeedStatistics:
    found = run.metrics.get("seeds", {}).get("test", {}).get(name)
    n = "1" if found is None else flatten(run.params).get("train.seeds", "1")
    if found is None or not n.isdecimal() or int(n) < 2:
        return SeedStatistics(1, run.metrics["test"][name], None)
    return SeedStatistics(int(n), found["mean"], found["std"])
