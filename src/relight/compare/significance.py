"""The test of a difference: do two models differ by more than other test rows, or other seeds, would change them?

Rows: a paired bootstrap, with both models scored on the same resamples, so that rows that are hard for both do not
count as noise (Efron and Tibshirani 1993, "An introduction to the bootstrap", 8.3 and 13.3; Koehn 2004, "Statistical
significance tests for machine translation evaluation"). Seeds: Welch's interval for the difference of two means.
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
MAX_PAIRED_ROWS = 20_000  # in a resample, as in those of evaluate
ResampledScores = dict[str, np.ndarray]  # name → score of each resample, (N_RESAMPLES,), NaN if it is not defined


class SeedStatistics(NamedTuple):
    """The scores of single seeds: their number, mean and standard deviation (None for one seed)."""

    n: int
    mean: float
    deviation: float | None


class Verdict(NamedTuple):
    """A verdict: is a difference larger than the noise, and what noise was measured, or why none was."""

    kind: Literal["larger", "within", "unknown"]
    reason: str


def noise_verdict(
    difference: float,
    *,
    paired: IntervalEnds | None,
    intervals: tuple[IntervalEnds | None, IntervalEnds | None],
    seeds: tuple[SeedStatistics, SeedStatistics],
    without_rows: str,
    of: str = "difference",
) -> Verdict:
    """Return whether a difference is larger than each kind of noise that was measured.

    Args:
        difference: candidate - baseline.
        paired: 95 % interval of the difference on the same resamples of the rows; None if there is none.
        intervals: of baseline and candidate, each by itself.
        seeds: of baseline and candidate.
        without_rows: why there is no paired interval, if there is none.
        of: what the paired interval is of, in words.
    """
    judgements = [
        each
        for each in (_exceeds_row_noise(paired, intervals, of), _exceeds_seed_noise(difference, *seeds))
        if each is not None
    ]
    if not judgements:
        return Verdict("unknown", without_rows)
    small = [why for is_larger, why in judgements if not is_larger]
    return Verdict("within", "; ".join(small)) if small else Verdict("larger", "; ".join(why for _, why in judgements))


def _exceeds_row_noise(
    paired: IntervalEnds | None, intervals: tuple[IntervalEnds | None, IntervalEnds | None], of: str
) -> tuple[bool, str] | None:
    if paired is not None:
        low, high = paired
        return not low <= 0 <= high, f"on resampled rows the {of} is {low:+.3g} to {high:+.3g}"
    baseline, candidate = intervals
    if baseline is None or candidate is None:
        return None
    are_apart = baseline[1] < candidate[0] or candidate[1] < baseline[0]
    return are_apart, f"the intervals of both {'are apart' if are_apart else 'overlap'}"


def _exceeds_seed_noise(
    difference: float, baseline: SeedStatistics, candidate: SeedStatistics
) -> tuple[bool, str] | None:
    """Compare the means of the seeds by Welch's interval (Welch 1947, "The generalization of Student's problem").

    If one model was trained with one seed, the deviation of the other counts for both.
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
    """The count of each unit in each resample: a row, in rankings a measured query, in forecasts a block of steps.

    Attributes:
        indices: (n_sample,) the rows that are drawn from if there are too many; else None.
        counts: (n_resamples, n_sample), for rows times their weights.
        scale: factor for the width of intervals: less than 1 if rows are left out (Bickel, Götze and van Zwet 1997,
            "Resampling fewer than n"), more if there are few blocks.
    """

    indices: np.ndarray | None
    counts: np.ndarray
    scale: float


def draw_resamples(rows: RunPredictions, seed: int = 0) -> Resamples | str:
    """Return resamples of the rows, the same for every model; or why there are none."""
    generator = np.random.default_rng(seed)
    if rows.task == "forecast":
        blocks = blocks_of(rows)
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


def blocks_of(rows: RunPredictions) -> BootstrapBlocks | str:
    """Return the blocks of forecasts that are resampled, or the reason why there are too few."""
    return bootstrap_blocks(rows.row_keys["time"], rows.row_keys["ahead"], rows.y_true, rows.y_pred)


def _counts(generator: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    n = len(weight)
    counts = np.empty((N_RESAMPLES if n else 0, n))
    for resample in counts:
        resample[:] = np.bincount(generator.integers(n, size=n), minlength=n) * weight
    return counts[counts.any(axis=1)]


def bootstrap_scores(rows: RunPredictions, resamples: Resamples, *, every_score: bool) -> ResampledScores:
    """Return the scores of one model on each resample.

    Args:
        every_score: False for only those that are means over rows, which one product of matrices gives.
    """
    if rows.task == "forecast":
        blocks = blocks_of(rows)
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
    """Return 95 % percentile intervals of candidate - baseline, if 90 % of the resamples define both scores."""
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
