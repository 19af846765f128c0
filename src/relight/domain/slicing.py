"""The test rows by the values of a column: where a model is better, and where worse."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl

from relight.domain.naming import did_you_mean
from relight.domain.schema import Schema
from relight.errors import InputError
from relight.params.evaluate import EvaluateParams

MOST_RANGES = 5  # of a number
MOST_VALUES = 20  # of a name: the others are one slice
OTHER, MISSING = "other", "missing"


def columns_to_slice(schema: Schema) -> list[str]:
    """All columns of the prepared table, those that the model does not see too."""
    weight = [] if schema.weight is None else [schema.weight]
    return [*(column.name for column in schema.columns), *schema.targets, *weight]


def assert_slices(params: EvaluateParams, known: list[str]) -> None:
    """
    Args:
        known: the columns of the prepared table.

    Raises:
        InputError: for each column of evaluate.slices that is none of them.
    """
    problems = [
        f"evaluate.slices: '{name}' is not a column{did_you_mean(name, known)}"
        for name in params.slices
        if name not in known
    ]
    if problems:
        raise InputError(*problems)


def slices_of(values: pl.Series) -> Iterator[tuple[str, np.ndarray]]:
    """Each slice of a column: its name, and the rows in it, (n_rows,) bool.

    A number with more than 5 values is cut into at most 5 ranges of as many rows each; dates are taken by
    year; of other values the 20 most frequent stand for themselves, and all others are one slice.
    """
    if values.dtype.is_numeric():
        labels, order = _numbers(values.cast(pl.Float64))
    elif values.dtype in (pl.Date, pl.Datetime):
        labels = values.dt.year().cast(pl.String)
        order = sorted(labels.drop_nulls().unique().to_list(), key=int)
    else:
        labels, order = _frequent(_texts(values))
    labels = labels.fill_null(MISSING)
    for name in dict.fromkeys([*order, MISSING]):
        members = (labels == name).to_numpy()
        if members.any():
            yield name, members


def _numbers(values: pl.Series) -> tuple[pl.Series, list[str]]:
    finite = values.set(~values.is_finite().fill_null(value=False), None)
    known = finite.drop_nulls().to_numpy()
    edges = np.unique(known)
    if len(edges) <= MOST_RANGES:
        labels = pl.Series([None if value is None else f"{value:.6g}" for value in finite], dtype=pl.String)
        return labels, [f"{edge:.6g}" for edge in edges]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, MOST_RANGES + 1)))
    names = [f"{low:.6g} to {high:.6g}" for low, high in pairwise(edges.tolist())]
    place = np.clip(np.searchsorted(edges, finite.fill_null(0).to_numpy(), side="right") - 1, 0, len(names) - 1)
    labels = pl.Series([names[index] for index in place], dtype=pl.String)
    return labels.set(finite.is_null(), None), names


def _texts(values: pl.Series) -> pl.Series:
    """As texts, whatever an ignored column holds."""
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        return pl.Series([None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String)


def _frequent(texts: pl.Series) -> tuple[pl.Series, list[str]]:
    counts = sorted(texts.drop_nulls().value_counts().iter_rows(), key=lambda pair: (-pair[1], pair[0]))
    kept = [name for name, _ in counts[:MOST_VALUES]]
    labels = texts.set(texts.is_not_null() & ~texts.is_in(kept), OTHER)
    return labels, [*kept, OTHER]
