"""Two looks inside the test scores: the importance of each column, and the scores of slices of the rows."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.data.groups import factorize, has_distinct_relevance
from relight.data.schema import Task
from relight.evaluate.inputs import LabelledRows
from relight.metrics.bootstrap import INTERVAL_LEVELS, bootstrap_intervals
from relight.metrics.scorers import compute_scores, primary_metric

MAX_IMPORTANCE_ROWS = 5_000
IMPORTANCE_SCHEMA = {"column": pl.String, "importance": pl.Float64, "low": pl.Float64, "high": pl.Float64}
PredictionLoss = Callable[[np.ndarray, np.ndarray], float]
MAX_SLICE_RANGES = 5  # of a column of numbers
MAX_SLICE_VALUES = 20  # of another column; all other values are one slice
OTHER_SLICE, MISSING_SLICE = "other", "missing"
SLICES_SCHEMA = {
    "column": pl.String, "value": pl.String, "rows": pl.Int64,
    "score": pl.String, "estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def permutation_importance(
    loss_of: PredictionLoss,
    numeric: np.ndarray,
    categories: np.ndarray,
    features: Features,
    *,
    n_repeats: int,
    seed: int,
) -> pl.DataFrame:
    """Return how much the loss rises if a column's values are shuffled among the rows, sorted from the largest rise.

    Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, "All models are wrong, but many
    are useful", section 3 (their model reliance as a difference). All numbers of a date are shuffled together.

    Args:
        loss_of: returns the model's loss on (n_rows, n_numeric) numbers and (n_rows, n_categorical) codes.

    Returns:
        Columns column, importance (the mean over the repeats), low and high (their 2.5 and 97.5 percentiles).
    """
    before = loss_of(numeric, categories)
    rows = []
    for index, name in enumerate(features.columns):
        generator = np.random.default_rng([seed, index])
        orders = [generator.permutation(len(numeric)) for _ in range(n_repeats)]
        rises = [loss_of(*_shuffled(numeric, categories, features, name, order)) - before for order in orders]
        low, high = np.quantile(rises, INTERVAL_LEVELS)
        rows.append((name, float(np.mean(rises)), float(low), float(high)))
    return pl.DataFrame(sorted(rows, key=lambda row: (-row[1], row[0])), schema=IMPORTANCE_SCHEMA, orient="row")


def sample_row_indices(n_rows: int, seed: int) -> np.ndarray:
    """Return the indices of at most 5,000 of the rows, always the same."""
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:MAX_IMPORTANCE_ROWS])


def _shuffled(
    numeric: np.ndarray, categories: np.ndarray, features: Features, name: str, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    numbers = [k for k, feature in enumerate(features.numeric) if feature.column == name]
    names = [k for k, feature in enumerate(features.categorical) if feature.name == name]
    numeric, categories = numeric.copy(), categories.copy()
    numeric[:, numbers] = numeric[order][:, numbers]
    categories[:, names] = categories[order][:, names]
    return numeric, categories


def sample_query_rows(target: np.ndarray, seed: int) -> np.ndarray:
    """Return the indices of at most 5,000 rows in whole queries, always the same and in order; at least one query.

    Queries whose candidates are equally relevant measure nothing, and are left out.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    query = factorize(target[:, 1])
    n_candidates, counts = np.bincount(query), has_distinct_relevance(query, target[:, 0])
    order = np.random.default_rng(seed).permutation(np.flatnonzero(counts))
    n_kept = max(1, int(np.searchsorted(np.cumsum(n_candidates[order]), MAX_IMPORTANCE_ROWS, side="right")))
    return np.flatnonzero(np.isin(query, order[:n_kept]))


def iterate_slices(values: pl.Series) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each slice of a column, and which rows are in it, (n_rows,) bool.

    Numbers with more than 5 values are cut into at most 5 ranges with equally many rows; dates are sliced by year;
    of other values, the 20 most frequent have a slice each, and all others share one.
    """
    if values.dtype.is_numeric():
        labels, order = _number_ranges(values.cast(pl.Float64))
    elif values.dtype in (pl.Date, pl.Datetime):
        labels = values.dt.year().cast(pl.String)
        order = sorted(labels.drop_nulls().unique().to_list(), key=int)
    else:
        labels, order = _frequent_values(_as_texts(values))
    labels = labels.fill_null(MISSING_SLICE)
    for name in dict.fromkeys([*order, MISSING_SLICE]):
        members = (labels == name).to_numpy()
        if members.any():
            yield name, members


def _number_ranges(values: pl.Series) -> tuple[pl.Series, list[str]]:
    finite = values.set(~values.is_finite().fill_null(value=False), None)
    values_present = finite.drop_nulls().to_numpy()
    edges = np.unique(values_present)
    if len(edges) <= MAX_SLICE_RANGES:
        labels = pl.Series([None if value is None else f"{value:.6g}" for value in finite], dtype=pl.String)
        return labels, [f"{edge:.6g}" for edge in edges]
    edges = np.unique(np.quantile(values_present, np.linspace(0, 1, MAX_SLICE_RANGES + 1)))
    names = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges.tolist())]
    range_index = np.clip(np.searchsorted(edges, finite.fill_null(0).to_numpy(), side="right") - 1, 0, len(names) - 1)
    labels = pl.Series([names[index] for index in range_index], dtype=pl.String)
    return labels.set(finite.is_null(), None), names


def _as_texts(values: pl.Series) -> pl.Series:
    """Return texts, whatever an ignored column holds."""
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        return pl.Series([None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String)


def _frequent_values(texts: pl.Series) -> tuple[pl.Series, list[str]]:
    counts = sorted(texts.drop_nulls().value_counts().iter_rows(), key=lambda pair: (-pair[1], pair[0]))
    kept = [name for name, _ in counts[:MAX_SLICE_VALUES]]
    labels = texts.set(texts.is_not_null() & ~texts.is_in(kept), OTHER_SLICE)
    return labels, [*kept, OTHER_SLICE]


def slice_scores(
    task: Task, rows: LabelledRows, y_pred: np.ndarray, columns: pl.DataFrame, *, n_resamples: int, seed: int
) -> pl.DataFrame:
    """Return a line for each column, value and score, the primary metric of the task first.

    Args:
        y_pred: predictions for the rows.
        columns: the columns to slice by, (n_rows, n_columns); there may be none.
    """
    lines = [
        (column.name, *line)
        for column in columns
        for value, members in iterate_slices(column)
        for line in _slice_lines(task, value, rows.take(members), y_pred[members], n_resamples, seed)
    ]
    return pl.DataFrame(lines, schema=SLICES_SCHEMA, orient="row")


def _slice_lines(
    task: Task, value: str, rows: LabelledRows, y_pred: np.ndarray, n_resamples: int, seed: int
) -> Iterator[tuple[object, ...]]:
    scores = compute_scores(task, rows.target, y_pred, rows.weight)
    intervals = bootstrap_intervals(task, rows.target, y_pred, rows.weight, n_resamples=n_resamples, seed=seed)
    for name in sorted(scores, key=lambda name: (name != primary_metric(task), name)):
        yield value, len(rows.target), name, scores[name], *intervals.get(name, (None, None))
