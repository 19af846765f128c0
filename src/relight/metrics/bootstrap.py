"""Intervals of a score, as it would move with other test rows: bootstrap percentiles, Student's t."""

from collections.abc import Callable, Collection

import numpy as np

from relight.data.schema import Task
from relight.metrics.classification import MACRO_SCORES
from relight.metrics.ranking import query_scores
from relight.metrics.roc import check_sample_weight
from relight.metrics.scorers import Scorer, build_scorer

INTERVAL_LEVELS = (0.025, 0.975)
MAX_BOOTSTRAP_ROWS = 20_000  # rows in a resample
IntervalEnds = tuple[float, float]
ScorerBuilder = Callable[[np.ndarray, np.ndarray, np.ndarray], Scorer]  # y_true, y_pred, sample_weight
UPPER_LEVEL = 0.975
MIN_CLASS_ROWS = 5  # a class of fewer rows is lost in more than one of 150 resamples: exp(-5)


def bootstrap_intervals(
    task: Task,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    sample_weight: np.ndarray | None = None,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, IntervalEnds]:
    """Return the 95 % percentile interval of each score.

    Efron and Tibshirani 1993, "An introduction to the bootstrap", 13.3. Where classes are rare, macro averages are
    corrected for the bias of the resamples (10.2).

    Args:
        y_true, y_pred: as in `build_scorer`.
        sample_weight: (n_rows,) or None.
    """
    if task == "ranking":
        means = bootstrap_query_scores(y_true, y_pred, n_resamples=n_resamples, seed=seed)
        return {name: percentile_interval(values) for name, values in means.items()}
    weight = check_sample_weight(len(y_true), sample_weight)
    return resampled_intervals(
        lambda y_true, y_pred, _: build_scorer(task, y_true, y_pred),
        y_true,
        y_pred,
        weight,
        n_resamples=n_resamples,
        seed=seed,
        centred=MACRO_SCORES if has_rare_classes(task, y_true, y_pred, weight) else (),
    )


def has_rare_classes(task: Task, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> bool:
    """Return whether resamples lose one of more than two classes, so that macro averages are of fewer classes there.

    A class counts the rows of a resample that are truly or predicted to be of it.
    """
    if task != "multiclass" or y_pred.shape[1] <= 2:
        return False
    predicted = y_pred.argmax(axis=1)
    n_rows = np.bincount(y_true[weight > 0], minlength=y_pred.shape[1])
    n_rows += np.bincount(predicted[(weight > 0) & (predicted != y_true)], minlength=y_pred.shape[1])
    drawn = n_rows[n_rows > 0] * min(1, MAX_BOOTSTRAP_ROWS / len(y_true))
    return bool((drawn < MIN_CLASS_ROWS).any())


def resampled_intervals(
    build: ScorerBuilder,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    weight: np.ndarray,
    *,
    n_resamples: int,
    seed: int,
    centred: Collection[str] = (),
) -> dict[str, IntervalEnds]:
    """Return the 95 % percentile interval of each score of a scorer, from resamples of rows.

    Args:
        weight: (n_rows,), not all 0.
        centred: scores whose resamples are biased; their mean is moved to the score of the rows.
    """
    scorer = build(y_true, y_pred, weight)
    whole = scorer(weight)
    if len(y_true) > MAX_BOOTSTRAP_ROWS:
        drawn = _resample_part(build, y_true, y_pred, weight, whole, n_resamples=n_resamples, seed=seed)
    else:
        drawn = _resample(scorer, weight, n_resamples, seed)
    moved = {name: _without_bias(name, drawn[name], whole[name]) for name in centred if name in drawn and name in whole}
    return {name: percentile_interval(moved.get(name, values)) for name, values in drawn.items() if name in whole}


def _without_bias(name: str, values: np.ndarray, whole: float) -> np.ndarray:
    """Return the scores of resamples, moved so that their mean is the score of all rows; shares stay from 0 to 1."""
    moved: np.ndarray = values + (whole - values.mean())
    return np.clip(moved, 0, 1) if name in MACRO_SCORES else moved


def _resample(scorer: Scorer, weight: np.ndarray, n_resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Return each score of the resamples that define it. A resample is how often it holds each row."""
    generator, n_rows = np.random.default_rng(seed), len(weight)
    drawn: dict[str, list[float]] = {}
    for _ in range(n_resamples):
        counts = np.bincount(generator.integers(n_rows, size=n_rows), minlength=n_rows) * weight
        for name, value in scorer(counts).items() if counts.any() else ():
            drawn.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in drawn.items()}


def _resample_part(
    build: ScorerBuilder,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    weight: np.ndarray,
    whole: dict[str, float],
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Resample a fixed sample of 20,000 rows instead of all rows.

    The scores are shrunk towards the score of all rows by the square root of the sample's share (Bickel, Götze and
    van Zwet 1997, "Resampling fewer than n observations").

    Args:
        whole: the scores of all rows.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(y_true))[:MAX_BOOTSTRAP_ROWS])
    weight = check_sample_weight(MAX_BOOTSTRAP_ROWS, weight[rows])
    scorer = build(y_true[rows], y_pred[rows], weight)
    sample, shrink = scorer(weight), float(np.sqrt(MAX_BOOTSTRAP_ROWS / len(y_true)))
    return {
        name: whole[name] + shrink * (values - sample[name])
        for name, values in _resample(scorer, weight, n_resamples, seed).items()
        if name in whole and name in sample
    }


def bootstrap_query_scores(
    y_true: np.ndarray, score: np.ndarray, *, n_resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Return each score of each resample, (n_resamples,); empty if no query is measured.

    Whole queries are drawn, with replacement, from those that are measured: the candidates of one query are no
    independent draws (Sakai 2006, "Evaluating evaluation metrics based on the bootstrap", section 2).

    Args:
        y_true: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,).
    """
    values, generator = query_scores(y_true, score).scores, np.random.default_rng(seed)
    n_queries = len(next(iter(values.values()), ()))
    means: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(n_resamples if n_queries else 0):
        drawn = generator.integers(n_queries, size=n_queries)
        for name, query_values in values.items():
            means[name].append(float(query_values[drawn].mean()))
    return {name: np.array(drawn) for name, drawn in means.items()}


def percentile_interval(values: np.ndarray) -> IntervalEnds:
    """Return the interval of 95 % of the values, (n_values,)."""
    low, high = np.quantile(values, INTERVAL_LEVELS)
    return float(low), float(high)


def widened_percentiles(values: np.ndarray, scale: float) -> IntervalEnds:
    """Return the interval of 95 % of the values, (n_values,), their spread around the mean multiplied by `scale`."""
    middle, (low, high) = float(values.mean()), np.quantile(values, (1 - UPPER_LEVEL, UPPER_LEVEL))
    return middle + scale * (float(low) - middle), middle + scale * (float(high) - middle)


def student_t_quantile(n_free: float) -> float:
    """Return the 97.5 % quantile of Student's t with at least one degree of freedom.

    With t = sqrt(n) tan(angle) its density is cos(angle)^(n - 1), summed here by the trapezoidal rule.
    """
    n = min(n_free, 10_000.0)
    angle = np.linspace(0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (n - 1)
    reached = np.append(0, np.cumsum(density[1:] + density[:-1]))
    return float(np.sqrt(n) * np.tan(np.interp(2 * UPPER_LEVEL - 1, reached / reached[-1], angle)))
