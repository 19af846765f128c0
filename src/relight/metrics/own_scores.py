"""The scores of metrics of the user's own, and their intervals.

In a resample a row stands as often as it was drawn, so that a metric that does not use the weights has right intervals
as well.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np

from relight.data.groups import factorize
from relight.data.schema import Task
from relight.errors import InputError
from relight.metrics.bootstrap import (
    IntervalEnds,
    has_rare_classes,
    percentile_interval,
    resampled_intervals,
    widened_percentiles,
)
from relight.metrics.classification import Scores
from relight.metrics.forecasts import BootstrapBlocks, draw_block_counts, forecast_counts
from relight.metrics.own import OwnMetric
from relight.metrics.roc import RowMean, check_sample_weight


class OwnScorer:
    """A scorer of own metrics; a score that is not defined on the counted rows is left out.

    A query that was drawn several times becomes as many queries.

    Args:
        y_true, y_pred: as in `build_scorer`; (n_rows,) numbers of forecasts, without gaps.
        sample_weight: (n_rows,) of the rows themselves.
    """

    def __init__(
        self,
        metrics: Sequence[OwnMetric],
        task: Task,
        y_true: np.ndarray,
        y_pred: np.ndarray,
        sample_weight: np.ndarray,
    ) -> None:
        self.metrics, self.task = metrics, task
        is_code = task in ("binary", "multiclass", "similarity")
        self.y_true = y_true.astype(np.int64 if is_code else np.float64)
        self.y_pred, self.sample_weight = y_pred.astype(np.float64), sample_weight.astype(np.float64)

    def values(self) -> Scores:
        """Return the value of each metric for all rows, also those that are not finite."""
        return {each.name: each(self.y_true, self.y_pred, self.sample_weight) for each in self.metrics}

    def __call__(self, sample_weight: np.ndarray) -> Scores:
        """Return the scores that are defined.

        Args:
            sample_weight: (n_rows,) the weight of each row, times how often it was drawn.
        """
        own = self.sample_weight
        n_times = np.divide(sample_weight, own, out=np.zeros(len(own)), where=own > 0).round().astype(np.int64)
        if self.task == "ranking":
            rows, y_true = self._queries_apart(n_times)
        else:
            rows = np.repeat(np.arange(len(n_times)), n_times)
            y_true = self.y_true[rows]
        values = {each.name: each(y_true, self.y_pred[rows], own[rows]) for each in self.metrics} if len(rows) else {}
        return {name: value for name, value in values.items() if np.isfinite(value)}

    def row_means(self) -> dict[str, RowMean]:
        """Return none: nothing is known of the metrics."""
        return {}

    def _queries_apart(self, n_times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the rows, all first copies first, and their y_true with a number for each copy."""
        rows = np.repeat(np.arange(len(n_times)), n_times)
        copy = np.arange(len(rows)) - np.repeat(np.cumsum(n_times) - n_times, n_times)
        order = np.argsort(copy, kind="stable")
        rows, copy = rows[order], copy[order]
        query = factorize(self.y_true[:, 1])
        return rows, np.column_stack([self.y_true[rows, 0], query[rows] + copy * (query.max() + 1.0)])


def own_scores(
    metrics: Sequence[OwnMetric],
    task: Task,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    sample_weight: np.ndarray | None,
    must_be_defined_for: str = "",
) -> Scores:
    """Return the scores that are defined for these rows.

    Args:
        must_be_defined_for: the rows, as `the test rows`, if it is an error that a score is not defined.

    Raises:
        RelightError: if a metric raises an exception, or does not return one number.
    """
    if not metrics:
        return {}
    scorer = OwnScorer(metrics, task, y_true, y_pred, check_sample_weight(len(y_true), sample_weight))
    values = scorer.values()
    if must_be_defined_for:
        _assert_defined(metrics, values, must_be_defined_for)
        _assert_same(metrics, values, scorer.values())
    return {name: value for name, value in values.items() if np.isfinite(value)}


def _assert_defined(metrics: Sequence[OwnMetric], values: Scores, rows: str) -> None:
    problems = [
        f"{each.key}: {each.described} must return a finite number for {rows}, got {values[each.name]}"
        for each in metrics
        if not np.isfinite(values[each.name])
    ]
    if problems:
        raise InputError(*problems)


def _assert_same(metrics: Sequence[OwnMetric], first: Scores, second: Scores) -> None:
    problems = [
        f"{each.key}: {each.described} must return the same for the same rows, got {first[each.name]} and "
        f"{second[each.name]}; give its random numbers a seed"
        for each in metrics
        if first[each.name] != second[each.name]
    ]
    if problems:
        raise InputError(*problems)


def own_intervals(
    metrics: Sequence[OwnMetric],
    task: Task,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    sample_weight: np.ndarray | None,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, IntervalEnds]:
    """Return the 95 % percentile interval of each score, from the resamples that the other scores have.

    Of a ranking, whole queries are drawn from all of them, because a metric may count those that Relight's scores
    leave out. Where classes are rare, the metrics may be macro averages, and are corrected as Relight's are.
    """
    if not metrics:
        return {}
    weight, build = check_sample_weight(len(y_true), sample_weight), partial(OwnScorer, metrics, task)
    drawn = {"n_resamples": n_resamples, "seed": seed}
    if task != "ranking":
        names = [metric.name for metric in metrics] if has_rare_classes(task, y_true, y_pred, weight) else []
        return resampled_intervals(build, y_true, y_pred, weight, **drawn, centred=names)
    scores = resampled_scores(build(y_true, y_pred, weight), query_counts(y_true, **drawn))
    return {name: percentile_interval(values) for name, values in scores.items()}


def own_block_intervals(
    metrics: Sequence[OwnMetric],
    blocks: BootstrapBlocks,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, IntervalEnds]:
    """Return the 95 % intervals of forecasts, from the resamples that the other scores have.

    Args:
        y_true, y_pred: (n_forecasts,) those that have a true value.
    """
    counts = draw_block_counts(blocks, n_resamples, np.random.default_rng(seed))
    scorer = OwnScorer(metrics, "forecast", y_true, y_pred, np.ones(len(y_true)))
    scores = resampled_scores(scorer, (forecast_counts(blocks, each) for each in counts)) if metrics else {}
    return {name: widened_percentiles(values, blocks.widening) for name, values in scores.items()}


def query_counts(y_true: np.ndarray, *, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield (n_rows,) for each resample: how often the query of each row was drawn.

    Args:
        y_true: (n_rows, 2) relevance and the number of the query.
    """
    query, generator = factorize(y_true[:, 1]), np.random.default_rng(seed)
    n_queries = int(query.max()) + 1
    for _ in range(n_resamples):
        yield np.bincount(generator.integers(n_queries, size=n_queries), minlength=n_queries)[query]


def resampled_scores(scorer: OwnScorer, counts: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Return each score of the resamples that define it.

    Args:
        counts: (n_rows,) for each resample: how often each row was drawn.
    """
    drawn: dict[str, list[float]] = {}
    for resample in counts:
        for name, value in scorer(resample * scorer.sample_weight).items():
            drawn.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in drawn.items()}
