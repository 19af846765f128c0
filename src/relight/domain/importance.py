"""Permutation importance: what a column is worth to a fitted model."""

from collections.abc import Callable

import numpy as np
import polars as pl

from relight.domain.features import Features
from relight.domain.intervals import LEVELS

MOST_ROWS = 5_000
SCHEMA = {"column": pl.String, "importance": pl.Float64, "low": pl.Float64, "high": pl.Float64}

Loss = Callable[[np.ndarray, np.ndarray], float]


def permutation_importance(
    loss_of: Loss, numeric: np.ndarray, categories: np.ndarray, features: Features, *, n_repeats: int, seed: int
) -> pl.DataFrame:
    """How much the loss rises when a column's values are shuffled among the rows, sorted from the largest.

    Breiman 2001, "Random forests", section 10; Fisher, Rudin and Dominici 2019, "All models are wrong, but many
    are useful", section 3 (their model reliance as a difference). All numbers of a date are shuffled together.

    Args:
        loss_of: the model's loss on (n_rows, n_numeric) numbers and (n_rows, n_categorical) codes.

    Returns:
        Columns column, importance (the mean over the repeats), low and high (their 2.5 and 97.5 percentiles).
    """
    before = loss_of(numeric, categories)
    rows = []
    for index, name in enumerate(features.columns):
        generator = np.random.default_rng([seed, index])
        orders = [generator.permutation(len(numeric)) for _ in range(n_repeats)]
        rises = [loss_of(*_shuffled(numeric, categories, features, name, order)) - before for order in orders]
        low, high = np.quantile(rises, LEVELS)
        rows.append((name, float(np.mean(rises)), float(low), float(high)))
    return pl.DataFrame(sorted(rows, key=lambda row: (-row[1], row[0])), schema=SCHEMA, orient="row")


def sample_of_rows(n_rows: int, seed: int) -> np.ndarray:
    """At most 5,000 of the rows, always the same."""
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:MOST_ROWS])


def no_importance() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)


def _shuffled(
    numeric: np.ndarray, categories: np.ndarray, features: Features, name: str, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    numbers = [k for k, feature in enumerate(features.numeric) if feature.column == name]
    names = [k for k, feature in enumerate(features.categorical) if feature.name == name]
    numeric, categories = numeric.copy(), categories.copy()
    numeric[:, numbers] = numeric[order][:, numbers]
    categories[:, names] = categories[order][:, names]
    return numeric, categories
