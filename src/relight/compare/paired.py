"""The paired bootstrap of two runs: each score of both on the same resamples of the test rows."""

from math import isclose
from typing import Any, NamedTuple

from relight.compare.own_scores import OwnBootstrap, bootstrap_candidate, bootstrap_own_scores
from relight.compare.predictions import RunPredictions
from relight.compare.significance import (
    ResampledScores,
    Resamples,
    bootstrap_scores,
    difference_intervals,
    draw_resamples,
)
from relight.metrics.bootstrap import IntervalEnds

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


class BaselineBootstrap(NamedTuple):
    """The resamples, and the scores of the baseline on them.

    Attributes:
        covers_all_scores: whether the scores are all of Relight's, or only means over rows.
        own: those of the user's own metrics.
    """

    resamples: Resamples
    scores: ResampledScores
    covers_all_scores: bool
    own: OwnBootstrap


class PairedIntervals(NamedTuple):
    """The 95 % intervals of the differences on the same resamples.

    Attributes:
        ends: by the name of the score.
        why: the reason why the others have none.
        own_reasons: that of an own score, by its name.
    """

    ends: dict[str, IntervalEnds]
    why: str
    own_reasons: dict[str, str]


def bootstrap_baseline(baseline: Candidate, candidates: list[Candidate]) -> BaselineBootstrap | str:
    """Return the resamples, which are the same for all runs, with the scores of the baseline; or why there are none."""
    if isinstance(baseline.predictions, str):
        return baseline.predictions
    n_known = sum(isinstance(each.predictions, RunPredictions) for each in candidates)
    seconds = n_known * (1 + len(baseline.predictions.y_true) / ROWS_PER_SECOND)
    every_score = seconds <= MAX_BOOTSTRAP_SECONDS or baseline.predictions.task in ("ranking", "forecast")
    resamples = draw_resamples(baseline.predictions)
    if isinstance(resamples, str):
        return resamples
    scores = bootstrap_scores(baseline.predictions, resamples, every_score=every_score)
    own = bootstrap_own_scores(baseline.metrics, baseline.predictions, resamples, n_known)
    return BaselineBootstrap(resamples, scores, every_score, own)


def paired_intervals(baseline: Candidate, drawn: BaselineBootstrap | str, candidate: Candidate) -> PairedIntervals:
    """Return the interval of the difference of each score."""
    for each in (baseline, candidate):
        if isinstance(each.predictions, str):
            why = f"{each.name}: {each.predictions}; evaluate.bootstrap makes intervals, which Git keeps"
            return PairedIntervals({}, why, {})
    assert isinstance(candidate.predictions, RunPredictions)
    if isinstance(drawn, str):
        return PairedIntervals({}, drawn, {})
    resamples = drawn.resamples
    candidate_scores = bootstrap_scores(candidate.predictions, resamples, every_score=drawn.covers_all_scores)
    why = "it is not resampled" if drawn.covers_all_scores else "it is resampled if fewer runs are named"
    ends = difference_intervals(drawn.scores, candidate_scores, resamples.scale)
    own = bootstrap_candidate(drawn.own, candidate.predictions, resamples)
    own_ends = difference_intervals(drawn.own.scores, own.scores, resamples.scale)
    return PairedIntervals(ends | _mase_interval(baseline, candidate, ends) | own_ends, why, own.reasons)


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
