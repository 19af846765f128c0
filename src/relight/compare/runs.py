"""Runs compared with the first one, the baseline: params that differ, scores, and whether these differ beyond noise."""

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
from relight.runtime.nested import changed_values, flatten_to_text

Json = dict[str, Any]
ROWS_PER_SECOND, MAX_BOOTSTRAP_SECONDS = 4000, 10  # budget for resampling scores that are no means over rows


class Candidate(NamedTuple):
    """A run as it is recorded.

    Attributes:
        objects: MD5 of each out by its path.
        predictions: for the test rows, or why they are not known.
        missing_notes: what else is missing, a sentence each.
    """

    name: str
    commit: str
    params: Json
    metrics: Json
    objects: dict[str, str]
    predictions: RunPredictions | str
    missing_notes: list[str]


class ComparedScore(NamedTuple):
    """A score of a run and its difference to that of the baseline.

    Attributes:
        value: None if the run lacks the score.
        interval: 95 %; None if evaluate made none.
        difference: to the baseline; None for the baseline itself, and if one of both lacks the score.
        is_better: whether the score is better than that of the baseline.
        verdict: None for the baseline itself.
    """

    value: float | None
    interval: IntervalEnds | None
    difference: float | None
    is_better: bool
    verdict: Verdict | None


class ComparedRun(NamedTuple):
    """A run with its differences to the baseline.

    Attributes:
        params: all of them as texts, by dotted key.
        changed_params: those that differ from the baseline.
        changed_rows: the test rows whose predictions changed; None if those of one run are not known.
        notes: on this run, a sentence each.
    """

    name: str
    commit: str
    params: dict[str, str]
    changed_params: list[tuple[str, str]]
    scores: dict[str, ComparedScore]
    changed_rows: ChangedPredictions | None
    notes: list[str]


class BaselineBootstrap(NamedTuple):
    """The resamples, the scores of the baseline on them, and whether these are all scores or only means over rows."""

    resamples: Resamples
    scores: ResampledScores
    covers_all_scores: bool


def score_names(candidates: list[Candidate]) -> list[str]:
    """Return the names of all scores of the test rows, that of the baseline's task first."""
    names = sorted({name for each in candidates for name in each.metrics.get("test", {})})
    baseline_task = task_from_metrics(candidates[0].metrics) or next(
        filter(None, (task_from_metrics(each.metrics) for each in candidates)), None
    )
    head = primary_metric(baseline_task) if baseline_task is not None else ""
    return sorted(names, key=lambda name: name != head)


def compare_runs(candidates: list[Candidate], n_rows: int) -> list[ComparedRun]:
    """Compare each run with the first one; return them in the same order.

    Args:
        n_rows: how many of the rows that moved most are named.
    """
    baseline, names = candidates[0], score_names(candidates)
    drawn = _bootstrap_baseline(baseline, candidates)
    own = _own_scores(baseline, names)
    compared = [
        ComparedRun(
            baseline.name, baseline.commit, flatten_to_text(baseline.params), [], own, None, _notes(baseline, "")
        )
    ]
    for candidate in candidates[1:]:
        compared.append(_compare_run(baseline, drawn, candidate, names, n_rows))
    return compared


def _compare_run(
    baseline: Candidate, drawn: BaselineBootstrap | str, candidate: Candidate, names: list[str], n_rows: int
) -> ComparedRun:
    reason = incomparable_reason(baseline, candidate)
    paired, why = ({}, reason) if reason else _paired_intervals(baseline, drawn, candidate)
    scores = {name: _compare_score(name, baseline, candidate, reason, paired.get(name), why) for name in names}
    changed_rows, rows, other_rows = None, baseline.predictions, candidate.predictions
    if isinstance(rows, RunPredictions) and isinstance(other_rows, RunPredictions) and not reason:
        changed_rows = changed_predictions(rows, other_rows, n_rows)
    params = flatten_to_text(candidate.params)
    changed_params = changed_values(flatten_to_text(baseline.params), params)
    notes = _notes(candidate, reason)
    return ComparedRun(candidate.name, candidate.commit, params, changed_params, scores, changed_rows, notes)


def _notes(run: Candidate, reason: str) -> list[str]:
    unknown = [f"the test rows are not known: {run.predictions}"] if isinstance(run.predictions, str) else []
    return [*run.missing_notes, *unknown, *([reason] if reason else [])]


def incomparable_reason(baseline: Candidate, candidate: Candidate) -> str:
    """Return why the difference of the scores says nothing about the models; "" if it does."""
    tasks: tuple[Task | None, Task | None] = (task_from_metrics(baseline.metrics), task_from_metrics(candidate.metrics))
    for each, task in zip((baseline, candidate), tasks, strict=True):
        if task is None:
            return f"{each.name} has no metrics"
    if tasks[0] != tasks[1]:
        return f"not comparable: {_task_text(tasks[1])} here, {_task_text(tasks[0])} there"
    targets = [flatten_to_text(each.params).get("prepare.target") for each in (baseline, candidate)]
    if targets[0] != targets[1]:
        return f"not comparable: the target is {targets[1]} here, {targets[0]} there"
    if _have_other_rows(baseline, candidate):
        return "other test rows: the difference says nothing about the models alone"
    return ""


def _task_text(task: Task | None) -> str:
    return "classes" if task == "multiclass" else str(task)


def _have_other_rows(baseline: Candidate, candidate: Candidate) -> bool:
    """Compare the rows themselves; if they are not known, the table that they were drawn from and the split."""
    if isinstance(baseline.predictions, RunPredictions) and isinstance(candidate.predictions, RunPredictions):
        return not have_same_rows(baseline.predictions, candidate.predictions)
    if _are_equal(baseline, candidate, "data/split/test.safetensors"):
        return False
    splits = [flatten_to_text(each.params.get("split", {})) for each in (baseline, candidate)]
    return splits[0] != splits[1] or _are_equal(baseline, candidate, "data/prepared/table.parquet") is False


def _are_equal(baseline: Candidate, candidate: Candidate, path: str) -> bool | None:
    """Return whether an out has the same bytes; None if one of both has none."""
    baseline_md5, candidate_md5 = baseline.objects.get(path), candidate.objects.get(path)
    return None if baseline_md5 is None or candidate_md5 is None else baseline_md5 == candidate_md5


def _bootstrap_baseline(baseline: Candidate, candidates: list[Candidate]) -> BaselineBootstrap | str:
    """Return the resamples, which are the same for all runs, with the scores of the baseline; or why there are none."""
    if isinstance(baseline.predictions, str):
        return baseline.predictions
    n_known = sum(isinstance(each.predictions, RunPredictions) for each in candidates)
    seconds = n_known * (1 + len(baseline.predictions.y_true) / ROWS_PER_SECOND)
    every_score = seconds <= MAX_BOOTSTRAP_SECONDS or baseline.predictions.task in ("ranking", "forecast")
    resamples = draw_resamples(baseline.predictions)
    if isinstance(resamples, str):
        return resamples
    return BaselineBootstrap(
        resamples, bootstrap_scores(baseline.predictions, resamples, every_score=every_score), every_score
    )


def _paired_intervals(
    baseline: Candidate, drawn: BaselineBootstrap | str, candidate: Candidate
) -> tuple[dict[str, IntervalEnds], str]:
    """Return the interval of the difference of each score, and why the others have none."""
    for each in (baseline, candidate):
        if isinstance(each.predictions, str):
            return {}, f"{each.name}: {each.predictions}; evaluate.bootstrap makes intervals, which Git keeps"
    assert isinstance(candidate.predictions, RunPredictions)
    if isinstance(drawn, str):
        return {}, drawn
    candidate_scores = bootstrap_scores(candidate.predictions, drawn.resamples, every_score=drawn.covers_all_scores)
    why = "it is not resampled" if drawn.covers_all_scores else "it is resampled if fewer runs are named"
    ends = difference_intervals(drawn.scores, candidate_scores, drawn.resamples.scale)
    return ends | _mase_interval(baseline, candidate, ends), why


def _mase_interval(baseline: Candidate, candidate: Candidate, ends: dict[str, IntervalEnds]) -> dict[str, IntervalEnds]:
    """Return the interval of MASE: it is the MAE in a unit of the train rows, so both runs must have the same unit."""
    scores = [run.metrics["test"] for run in (baseline, candidate)]
    if "mae" not in ends or not all(each.get("mase") and each["mae"] for each in scores):
        return {}
    baseline_ratio, candidate_ratio = (each["mase"] / each["mae"] for each in scores)
    return (
        {"mase": (baseline_ratio * ends["mae"][0], baseline_ratio * ends["mae"][1])}
        if isclose(baseline_ratio, candidate_ratio, rel_tol=1e-9)
        else {}
    )


def _own_scores(run: Candidate, names: list[str]) -> dict[str, ComparedScore]:
    scores = run.metrics.get("test", {})
    return {name: ComparedScore(scores.get(name), _interval(run, name), None, False, None) for name in names}


def _compare_score(
    name: str, baseline: Candidate, candidate: Candidate, reason: str, paired: IntervalEnds | None, why: str
) -> ComparedScore:
    baseline_value, candidate_value = (run.metrics.get("test", {}).get(name) for run in (baseline, candidate))
    if baseline_value is None or candidate_value is None:
        lacking = [
            run.name for run, value in ((baseline, baseline_value), (candidate, candidate_value)) if value is None
        ]
        noise = Verdict("unknown", reason or f"{' and '.join(lacking)} has no {name}")
        return ComparedScore(candidate_value, _interval(candidate, name), None, False, noise)
    difference = candidate_value - baseline_value
    is_better = as_loss(name, candidate_value) < as_loss(name, baseline_value)
    noise = Verdict("unknown", reason)
    if not reason:
        intervals = _interval(baseline, name), _interval(candidate, name)
        seeds = _seed_statistics(baseline, name), _seed_statistics(candidate, name)
        noise = noise_verdict(difference, paired=paired, intervals=intervals, seeds=seeds, without_rows=why)
    return ComparedScore(candidate_value, _interval(candidate, name), difference, is_better, noise)


def _interval(run: Candidate, name: str) -> IntervalEnds | None:
    ends = run.metrics.get("intervals", {}).get("test", {}).get(name)
    return None if ends is None else (ends[0], ends[1])


def _seed_statistics(run: Candidate, name: str) -> SeedStatistics:
    statistics = run.metrics.get("seeds", {}).get("test", {}).get(name)
    n = "1" if statistics is None else flatten_to_text(run.params).get("train.seeds", "1")
    if statistics is None or not n.isdecimal() or int(n) < 2:
        return SeedStatistics(1, run.metrics["test"][name], None)
    return SeedStatistics(int(n), statistics["mean"], statistics["std"])
