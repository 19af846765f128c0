"""A comparison in words: the same cells for the terminal, for Markdown and for the page."""

from typing import NamedTuple

from relight.compare.runs import ComparedRun, ComparedScore
from relight.compare.significance import N_RESAMPLES
from relight.metrics.bootstrap import IntervalEnds
from relight.runtime.messages import abbreviate
from relight.runtime.nested import ABSENT_VALUE

RUNS_PER_FALSE_POSITIVE = 20  # one in so many models that are equal lies outside a 95 % interval


class ScoreWording(NamedTuple):
    """The words for one score of one run; empty if there is nothing to say."""

    value: str
    interval: str
    difference: str
    verdict: str


def format_number(value: float | None) -> str:
    if value is None:
        return ABSENT_VALUE
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def score_wording(score: ComparedScore) -> ScoreWording:
    difference = "" if score.difference is None else f"{score.difference:+.3g}"
    return ScoreWording(format_number(score.value), _interval(score.interval), difference, verdict_text(score))


def verdict_text(score: ComparedScore) -> str:
    """Return the verdict in a few words; a difference of zero is neither better nor worse."""
    if score.verdict is None:
        return ""
    match score.verdict.kind:
        case "larger":
            return f"{'better' if score.is_better else 'worse'}, larger than the noise"
        case "within":
            return "the same" if score.difference == 0 else "within the noise"
        case "unknown":
            return "cannot be said"


def changed_params_text(run: ComparedRun) -> str:
    """Return the params that differ from the baseline, on one line."""
    return ", ".join(f"{key}={value}" for key, value in run.changed_params) or "nothing"


def changed_rows_text(run: ComparedRun) -> str:
    """Return how many test rows became better and worse; "" if that is not known."""
    if run.changed_rows is None:
        return ""
    moved = run.changed_rows
    same = moved.n - moved.n_better - moved.n_worse
    return f"{moved.n} {moved.unit}: {moved.n_better} better, {moved.n_worse} worse, {same} the same"


def comparison_notes(runs: list[ComparedRun]) -> list[str]:
    """Return notes on the runs, each once with the runs that have it, and on the comparison."""
    runs_by_note: dict[str, list[str]] = {}
    for run in runs:
        for note in run.notes:
            runs_by_note.setdefault(note, []).append(run.name)
    notes = [f"{abbreviate(names)}: {note}." for note, names in runs_by_note.items()]
    notes += [
        f"Cannot be said of {', '.join(scores)}: {why}." for why, scores in _reasons_without_verdict(runs).items()
    ]
    if len(runs) > RUNS_PER_FALSE_POSITIVE:
        notes.append(
            f"{len(runs) - 1} runs are compared with {runs[0].name}: about one in {RUNS_PER_FALSE_POSITIVE} is larger "
            "than the noise only by chance, and the best of many looks better than it is. Score the chosen one on "
            "new rows."
        )
    return notes


def noise_explanation(runs: list[ComparedRun]) -> str:
    """Return how differences were compared with the noise."""
    return (
        f"Differences are to {runs[0].name}. Larger than the noise: a 95 % interval of the difference, on "
        f"{N_RESAMPLES} resamples of the test rows that both share, leaves 0 out, and so does that of the seeds if "
        "train.seeds is above 1. If predictions are not in the cache, the intervals of both scores are "
        "compared."
    )


def _reasons_without_verdict(runs: list[ComparedRun]) -> dict[str, list[str]]:
    """Return each reason for a missing verdict with its scores, without those that are notes on a whole run."""
    names_by_reason: dict[str, list[str]] = {}
    for run in runs:
        for name, score in run.scores.items():
            if score.verdict and score.verdict.kind == "unknown" and score.verdict.reason not in run.notes:
                names_by_reason.setdefault(score.verdict.reason, []).append(name)
    return {why: list(dict.fromkeys(names)) for why, names in names_by_reason.items()}


def _interval(ends: IntervalEnds | None) -> str:
    return "" if ends is None else f"{format_number(ends[0])} to {format_number(ends[1])}"
