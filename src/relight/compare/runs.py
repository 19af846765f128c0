"""Runs compared with the first one, the baseline: params that differ, scores, and whether these differ beyond noise."""

from typing import Any, NamedTuple

from relight.compare.changed_rows import ChangedPredictions, changed_predictions
from relight.compare.own_scores import incomparable_score
from relight.compare.paired import (
    BaselineBootstrap,
    Candidate,
    PairedIntervals,
    bootstrap_baseline,
    paired_intervals,
)
from relight.compare.predictions import RunPredictions, have_same_rows, task_from_metrics
from relight.compare.significance import SeedStatistics, Verdict, noise_verdict
from relight.data.schema import Task
from relight.metrics.bootstrap import IntervalEnds
from relight.metrics.direction import POSITIVE_KEY, Better, Directions, as_loss, directions_of
from relight.metrics.scorers import primary_metric
from relight.runtime.nested import changed_values, flatten_to_text

Json = dict[str, Any]


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
    directions = directions_of(*(each.metrics for each in candidates))
    drawn = bootstrap_baseline(baseline, candidates)
    own = _own_scores(baseline, names)
    compared = [
        ComparedRun(
            baseline.name, baseline.commit, flatten_to_text(baseline.params), [], own, None, _notes(baseline, "")
        )
    ]
    for candidate in candidates[1:]:
        compared.append(_compare_run(baseline, drawn, candidate, names, directions, n_rows))
    return compared


def _compare_run(
    baseline: Candidate,
    drawn: BaselineBootstrap | str,
    candidate: Candidate,
    names: list[str],
    directions: Directions,
    n_rows: int,
) -> ComparedRun:
    reason = incomparable_reason(baseline, candidate)
    paired = PairedIntervals({}, reason, {}) if reason else paired_intervals(baseline, drawn, candidate)
    scores = {name: _compare_score(name, directions, baseline, candidate, reason, paired) for name in names}
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
    if reason := _other_positive_reason(baseline, candidate):
        return reason
    if _have_other_rows(baseline, candidate):
        return "other test rows: the difference says nothing about the models alone"
    return ""


def _task_text(task: Task | None) -> str:
    return "classes" if task == "multiclass" else str(task)


def _other_positive_reason(baseline: Candidate, candidate: Candidate) -> str:
    """Return why scores of two classes are about different ones; "" if they are not, or if it is not known."""
    there, here = (each.metrics.get(POSITIVE_KEY) for each in (baseline, candidate))
    if there == here:
        return ""
    if there is not None and here is not None:
        return f"not comparable: the positive class is {here} here, {there} there"
    rows, other_rows = baseline.predictions, candidate.predictions
    if not isinstance(rows, RunPredictions) or not isinstance(other_rows, RunPredictions):
        return ""
    is_other = rows.row_keys.equals(other_rows.row_keys) and not have_same_rows(rows, other_rows)
    return "not comparable: the positive class of the two runs is not the same" if is_other else ""


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


def _own_scores(run: Candidate, names: list[str]) -> dict[str, ComparedScore]:
    scores = run.metrics.get("test", {})
    return {name: ComparedScore(scores.get(name), _interval(run, name), None, False, None) for name in names}


def _compare_score(
    name: str,
    directions: Directions,
    baseline: Candidate,
    candidate: Candidate,
    reason: str,
    paired: PairedIntervals,
) -> ComparedScore:
    baseline_value, candidate_value = (run.metrics.get("test", {}).get(name) for run in (baseline, candidate))
    if baseline_value is None or candidate_value is None:
        lacking = [
            run.name for run, value in ((baseline, baseline_value), (candidate, candidate_value)) if value is None
        ]
        noise = Verdict("unknown", reason or f"{' and '.join(lacking)} has no {name}")
        return ComparedScore(candidate_value, _interval(candidate, name), None, False, noise)
    difference, better = candidate_value - baseline_value, directions.get(name)
    reason = reason or incomparable_score(name, baseline.metrics, candidate.metrics, directions)
    is_better = better is not None and as_loss(better, candidate_value) < as_loss(better, baseline_value)
    noise = Verdict("unknown", reason) if reason else _noise_verdict(name, better, baseline, candidate, paired)
    return ComparedScore(candidate_value, _interval(candidate, name), difference, is_better, noise)


def _noise_verdict(
    name: str, better: Better | None, baseline: Candidate, candidate: Candidate, paired: PairedIntervals
) -> Verdict:
    """Return whether the difference is larger than the noise.

    A score that should be near a number may differ on both sides of it and be as good: only the resampled distances
    tell.
    """
    difference = candidate.metrics["test"][name] - baseline.metrics["test"][name]
    is_near = better is not None and not isinstance(better, str)
    why, ends = paired.own_reasons.get(name, paired.why), paired.ends.get(name)
    verdict = noise_verdict(
        difference,
        paired=ends,
        intervals=(None, None) if is_near else (_interval(baseline, name), _interval(candidate, name)),
        seeds=(_seed_statistics(baseline, name), _seed_statistics(candidate, name)),
        without_rows=why,
        of=f"difference of the distances from {better:g}" if is_near else "difference",
    )
    return Verdict("unknown", why) if is_near and ends is None and verdict.kind == "larger" else verdict


def _interval(run: Candidate, name: str) -> IntervalEnds | None:
    ends = run.metrics.get("intervals", {}).get("test", {}).get(name)
    return None if ends is None else (ends[0], ends[1])


def _seed_statistics(run: Candidate, name: str) -> SeedStatistics:
    statistics = run.metrics.get("seeds", {}).get("test", {}).get(name)
    n = "1" if statistics is None else flatten_to_text(run.params).get("train.seeds", "1")
    if statistics is None or not n.isdecimal() or int(n) < 2:
        return SeedStatistics(1, run.metrics["test"][name], None)
    return SeedStatistics(int(n), statistics["mean"], statistics["std"])
