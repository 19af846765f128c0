"""Paired bootstrap and verdicts.

Whether a difference of two scores is larger than what other test rows, or other seeds, would have made of it.

How far the difference of two models' scores would have moved with other test rows.

A paired bootstrap: both are scored on the very same resamples of the rows, so that rows that are hard for both do not
count as noise (Efron and Tibshirani 1993, "An introduction to the bootstrap", 8.3 and 13.3; Koehn 2004, "Statistical
significance tests for machine translation evaluation").
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from relight.compare.predictions import Answered
from relight.metrics.bootstrap import Ends, percentile_ends, student
from relight.metrics.classification import ClassScorer
from relight.metrics.forecasts import Blocks, block_scores, blocks_of, drawn_blocks
from relight.metrics.ranking import query_scores
from relight.metrics.roc import row_weights
from relight.metrics.scorers import DistributionScorer, PairScorer, RegressionScorer, scorer_for

N_RESAMPLES = 500
MOST_ROWS = 20_000  # of a resample, as those of evaluate
Drawn = dict[str, np.ndarray]  # each score of each resample, (N_RESAMPLES,), NaN where it is not defined
Means = dict[str, tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]]


class OfSeeds(NamedTuple):
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

    word: Literal["larger", "within", "unknown"]
    why: str


def verdict(
    difference: float,
    *,
    paired: Ends | None,
    intervals: tuple[Ends | None, Ends | None],
    seeds: tuple[OfSeeds, OfSeeds],
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
    found = [each for each in (_of_rows(paired, intervals), _of_seeds(difference, *seeds)) if each is not None]
    if not found:
        return Verdict("unknown", without_rows)
    small = [why for is_larger, why in found if not is_larger]
    return Verdict("within", "; ".join(small)) if small else Verdict("larger", "; ".join(why for _, why in found))


def _of_rows(paired: Ends | None, intervals: tuple[Ends | None, Ends | None]) -> tuple[bool, str] | None:
    if paired is not None:
        low, high = paired
        return not low <= 0 <= high, f"on resampled rows the difference is {low:+.3g} to {high:+.3g}"
    first, other = intervals
    if first is None or other is None:
        return None
    are_apart = first[1] < other[0] or other[1] < first[0]
    return are_apart, f"the intervals of both {'are apart' if are_apart else 'overlap'}"


def _of_seeds(difference: float, first: OfSeeds, other: OfSeeds) -> tuple[bool, str] | None:
    """By Welch's interval of two means (Welch 1947, "The generalization of Student's problem").

    Where one was trained with one seed, the other's deviation stands for both.
    """
    known = [each for each in (first, other) if each.deviation is not None]
    if not known:
        return None
    parts = [((known[0].deviation if s.deviation is None else s.deviation) or 0.0) ** 2 / s.n for s in (first, other)]
    freedom = sum(part**2 / (s.n - 1) for part, s in zip(parts, (first, other), strict=True) if s.deviation is not None)
    spread, moved = sum(parts), other.mean - first.mean
    is_plain = len(known) == 1 or freedom == 0
    n_free = float(sum(each.n - 1 for each in known)) if is_plain else spread**2 / freedom
    reach = student(n_free) * float(np.sqrt(spread))
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

    places: np.ndarray | None
    counts: np.ndarray
    scale: float


def resamples_of(rows: Answered, seed: int = 0) -> Resamples | str:
    """The same for whoever answered, or why there are none."""
    generator = np.random.default_rng(seed)
    if rows.task == "forecast":
        blocks = _blocks(rows)
        if isinstance(blocks, str):
            return blocks
        return Resamples(None, np.array(list(drawn_blocks(blocks, N_RESAMPLES, generator))), blocks.widening)
    if rows.task == "ranking":
        n_queries = int(query_scores(rows.target, rows.predicted).is_measured.sum())
        return Resamples(None, _counts(generator, np.ones(n_queries)), 1.0)
    n_rows = len(rows.target)
    weight = row_weights(n_rows, rows.weight)
    if n_rows <= MOST_ROWS:
        return Resamples(None, _counts(generator, weight), 1.0)
    places = np.sort(generator.permutation(n_rows)[:MOST_ROWS])
    return Resamples(places, _counts(generator, weight[places]), float(np.sqrt(MOST_ROWS / n_rows)))


def _blocks(rows: Answered) -> Blocks | str:
    return blocks_of(rows.rows["time"], rows.rows["ahead"], rows.target, rows.predicted)


def _counts(generator: np.random.Generator, weight: np.ndarray) -> np.ndarray:
    n = len(weight)
    counts = np.empty((N_RESAMPLES if n else 0, n))
    for resample in counts:
        resample[:] = np.bincount(generator.integers(n, size=n), minlength=n) * weight
    return counts[counts.any(axis=1)]


def drawn_scores(rows: Answered, resamples: Resamples, *, every_score: bool) -> Drawn:
    """The scores of one model on each resample.

    Args:
        every_score: else those alone that are means of the rows, which are a product of matrices.
    """
    if rows.task == "forecast":
        blocks = _blocks(rows)
        assert isinstance(blocks, Blocks)
        return block_scores(blocks, resamples.counts)
    target, predicted = rows.target, rows.predicted
    if resamples.places is not None:
        target, predicted = target[resamples.places], predicted[resamples.places]
    counts, means = resamples.counts, _means(rows._replace(target=target, predicted=predicted))
    weight = counts.sum(axis=1)
    drawn = {name: end((counts @ values) / weight) for name, (values, end) in means.items()}
    if not every_score or rows.task == "ranking":
        return drawn
    scores = scorer_for(rows.task, target, predicted)
    found = [scores(resample) for resample in counts]
    names = dict.fromkeys(name for each in found for name in each)
    return {name: np.array([each.get(name, np.nan) for each in found]) for name in names if name not in drawn} | drawn


def difference_intervals(first: Drawn, other: Drawn, scale: float = 1.0) -> dict[str, tuple[float, float]]:
    """95 % percentile intervals of other - first, of the scores that nine resamples of ten define for both."""
    found = {}
    for name in other:
        if name not in first:
            continue
        moved = other[name] - first[name]
        moved = moved[np.isfinite(moved)]
        if len(moved) >= 0.9 * len(other[name]) > 0:
            found[name] = percentile_ends(moved, scale)
    return found


def _means(rows: Answered) -> Means:
    """The scores that are the mean of one number a row (of a ranking: a measured query), and what is done to it."""
    if rows.task == "ranking":
        values = query_scores(rows.target, rows.predicted).values
        return {name: (of_queries, _as_it_is) for name, of_queries in values.items()}
    scorer = scorer_for(rows.task, rows.target, rows.predicted)
    if isinstance(scorer, RegressionScorer):
        means: Means = {"mae": (scorer.absolute, _as_it_is), "rmse": (scorer.squared, np.sqrt)}
        if scorer.target.all():
            means["mape"] = (scorer.absolute / np.abs(scorer.target), _as_it_is)
        return means
    if isinstance(scorer, ClassScorer):
        is_right = scorer.pair // scorer.n_classes == scorer.pair % scorer.n_classes
        return {
            "log_loss": (scorer.surprise, _as_it_is),
            "brier": (scorer.brier, _as_it_is),
            "accuracy": (is_right.astype(np.float64), _as_it_is),
        }
    if isinstance(scorer, DistributionScorer):
        found = {"kl_divergence": scorer.divergence, "mae": scorer.absolute, "top_1": scorer.is_right}
        return {name: (values, _as_it_is) for name, values in found.items()}
    if isinstance(scorer, PairScorer):
        return {"accuracy": ((scorer.said == scorer.is_alike).astype(np.float64), _as_it_is)}
    raise AssertionError(rows.task)


def _as_it_is(values: np.ndarray) -> np.ndarray:
    return values
