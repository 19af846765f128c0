"""Paired bootstrap and verdicts.

Whether a difference of two scores is larger than what other test rows, or other seeds, would have made of it.

How far the difference of two models' scores would have moved with other test rows.

A paired bootstrap: both are scored on the very same resamples of the rows, so that rows that are hard for both do not
count as noise (Efron and Tibshirani 1993, "An introduction to the bootstrap", 8.3 and 13.3; Koehn 2004, "Statistical
significance tests for machine translation evaluation").
"""

from typing import Literal, NamedTuple

import numpy as np

from relight.compare.predictions import RunPredictions
from relight.metrics.bootstrap import IntervalEnds, student_t_quantile, widened_percentiles
from relight.metrics.forecasts import BootstrapBlocks, block_scores, bootstrap_blocks, draw_block_counts
from relight.metrics.ranking import query_scores
from relight.metrics.roc import RowMean, check_sample_weight
from relight.metrics.scorers import build_scorer

N_RESAMPLES = 500
MAX_PAIRED_ROWS = 20_000  # of a resample, as those of evaluate
ResampledScores = dict[str, np.ndarray]  # each score of each resample, (N_RESAMPLES,), NaN where it is not defined


class SeedStatistics(NamedTuple):
    """A score of each seed alone.

    Attributes:
        deviation: None with one seed.
    """

    n: int
    mean: float
    deviation: float | None


class Verdict(NamedTuple):
    """
    Attributes:
        word: what is said of the difference.
        why: what it was held against, or why nothing can be said.
    """

    kind: Literal["larger", "within", "unknown"]
    reason: str


def noise_verdict(
    difference: float,
    *,
    paired: IntervalEnds | None,
    intervals: tuple[IntervalEnds | None, IntervalEnds | None],
    seeds: tuple[SeedStatistics, SeedStatistics],
    without_rows: str,
) -> Verdict:
    """A difference is larger than the noise when it is larger than each kind of noise that was measured.

    Args:
        difference: other - first.
        paired: the 95 % interval of the difference on the same resamples of the rows.
        intervals: of first and other, each by itself.
        seeds: of first and other.
        without_rows: why there is no paired interval, where there is none.
    """
    judgements = [
        each
        for each in (_exceeds_row_noise(paired, intervals), _exceeds_seed_noise(difference, *seeds))
        if each is not None
    ]
    if not judgements:
        return Verdict("unknown", without_rows)
    small = [why for is_larger, why in judgements if not is_larger]
    return Verdict("within", "; ".join(small)) if small else Verdict("larger", "; ".join(why for _, why in judgements))


def _exceeds_row_noise(
    paired: IntervalEnds | None, intervals: tuple[IntervalEnds | None, IntervalEnds | None]
) -> tuple[bool, str] | None:
    if paired is not None:
        low, high = paired
        return not low <= 0 <= high, f"on resampled rows the difference is {low:+.3g} to {high:+.3g}"
    baseline, candidate = intervals
    if baseline is None or candidate is None:
        return None
    are_apart = baseline[1] < candidate[0] or candidate[1] < baseline[0]
    return are_apart, f"the intervals of both {'are apart' if are_apart else 'overlap'}"


def _exceeds_seed_noise(
    difference: float, baseline: SeedStatistics, candidate: SeedStatistics
) -> tuple[bool, str] | None:
    """By Welch's interval of two means (Welch 1947, "The generalization of Student's problem").

    Where one was trained with one seed, the other's deviation stands for both.
    """
    measured = [each for each in (baseline, candidate) if each.deviation is not None]
    if not measured:
        return None
    parts = [
        ((measured[0].deviation if s.deviation is None else s.deviation) or 0.0) ** 2 / s.n
        for s in (baseline, candidate)
    ]
    freedom = sum(
        part**2 / (s.n - 1) for part, s in zip(parts, (baseline, candidate), strict=True) if s.deviation is not None
    )
    spread, moved = sum(parts), candidate.mean - baseline.mean
    is_plain = len(measured) == 1 or freedom == 0
    n_free = float(sum(each.n - 1 for each in measured)) if is_plain else spread**2 / freedom
    reach = student_t_quantile(n_free) * float(np.sqrt(spread))
    is_larger = abs(moved) > reach and moved * difference > 0
    return is_larger, f"the mean of the seeds moved by {moved:+.3g}, and their noise is ±{reach:.2g}"


class Resamples(NamedTuple):
    """How often each row, of a ranking each measured query, or of forecasts each block of steps is in each resample.

    Attributes:
        places: (n_sample,) the rows that are drawn from, where they are too many; else None.
        counts: (n_resamples, n_sample), of rows times their weights.
        scale: what the spread is multiplied by: less than 1 where rows are left out (Bickel, Götze and van Zwet 1997,
            "Resampling fewer than n"), more where blocks are few.
    """

    indices: np.ndarray | None
    counts: np.ndarray
    scale: float


def draw_resamples(rows: RunPredictions, seed: int = 0) -> Resamples | str:
    """The same for whoever answered, or why there are none."""
    generator = np.random.default_rng(seed)
    if rows.task == "forecast":
        blocks = _blocks(rows)
        if isinstance(blocks, str):
            return blocks
        return Resamples(None, np.array(list(draw_block_counts(blocks, N_RESAMPLES, generator))), blocks.widening)
    if rows.task == "ranking":
        n_queries = int(query_scores(rows.y_true, rows.y_pred).is_measured.sum())
        return Resamples(None, _counts(generator, np.ones(n_queries)), 1.0)
    n_rows = len(rows.y_true)
    weight = check_sample_weight(n_rows, rows.sample_weight)
    if n_rows <= MAX_PAIRED_ROWS:
        return Resamples(None, _counts(generator, weight), 1.0)
    indices = np.sort(generator.permutation(n_rows)[:MAX_PAIRED_ROWS])
    return Resamples(indices, _counts(generator, weight[indices]), float(np.sqrt(MAX_PAIRED_ROWS / n_rows)))


def _blocks(rows: RunPredictions) -> BootstrapBlocks | str:
    return bootstrap_blocks(rows.row_keys["time"], rows.row_keys["ahead"], rows.y_true, rows.y_pred)


def _counts(generator: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    n = len(weight)
    counts = np.empty((N_RESAMPLES if n else 0, n))
    for resample in counts:
        resample[:] = np.bincount(generator.integers(n, size=n), minlength=n) * weight
    return counts[counts.any(axis=1)]


def bootstrap_scores(rows: RunPredictions, resamples: Resamples, *, every_score: bool) -> ResampledScores:
    """The scores of one model on each resample.

    Args:
        every_score: else those alone that are means of the rows, which are a product of matrices.
    """
    if rows.task == "forecast":
        blocks = _blocks(rows)
        assert isinstance(blocks, BootstrapBlocks)
        return block_scores(blocks, resamples.counts)
    target, predicted = rows.y_true, rows.y_pred
    if resamples.indices is not None:
        target, predicted = target[resamples.indices], predicted[resamples.indices]
    counts, means = resamples.counts, _row_means(rows._replace(y_true=target, y_pred=predicted))
    weight = counts.sum(axis=1)
    drawn = {name: end((counts @ values) / weight) for name, (values, end) in means.items()}
    if not every_score or rows.task == "ranking":
        return drawn
    scores = build_scorer(rows.task, target, predicted)
    resampled = [scores(resample) for resample in counts]
    names = dict.fromkeys(name for each in resampled for name in each)
    return {
        name: np.array([each.get(name, np.nan) for each in resampled]) for name in names if name not in drawn
    } | drawn


def difference_intervals(
    baseline: ResampledScores, candidate: ResampledScores, scale: float = 1.0
) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of other - first, of the scores that nine resamples of ten define for both."""
    intervals = {}
    for name in candidate:
        if name not in baseline:
            continue
        moved = candidate[name] - baseline[name]
        moved = moved[np.isfinite(moved)]
        if len(moved) >= 0.9 * len(candidate[name]) > 0:
            intervals[name] = widened_percentiles(moved, scale)
    return intervals


def _row_means(rows: RunPredictions) -> dict[str, RowMean]:
    """Return the scores that are a function of the mean of one number per row (of a ranking: per measured query)."""
    return build_scorer(rows.task, rows.y_true, rows.y_pred).row_means()
