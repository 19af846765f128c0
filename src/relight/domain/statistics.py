"""Statistics that are the same bytes in every run.

NumPy sums over fixed chunks of rows are; the float sums of a parallel engine differ from run to run.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import polars as pl

from relight.domain.features import CategoricalFeature, NumericFeature
from relight.domain.schema import Column

CHUNK_ROWS = 262_144


def describe_number(column: Column, values: pl.Series) -> NumericFeature:
    """What the train rows say of a Float64 or Boolean series."""
    mean, std = mean_and_std(values)
    kind: Literal["numeric", "boolean"] = "boolean" if column.kind == "boolean" else "numeric"
    return NumericFeature(name=column.name, kind=kind, mean=mean, std=std, gaps=values.null_count())


def mean_and_std(values: pl.Series) -> tuple[float, float]:
    """Mean and population standard deviation of the float32 numbers, over the rows that have a value."""
    known = values.drop_nulls().cast(pl.Float64).to_numpy().astype(np.float32).astype(np.float64)
    mean = _total(known) / len(known) if len(known) else 0.0
    variance = _total((known - mean) ** 2) / len(known) if len(known) else 0.0
    return mean, float(np.sqrt(variance))


def describe_category(column: Column, values: pl.Series) -> CategoricalFeature:
    """The different values of a String series, in the order of texts."""
    return CategoricalFeature(name=column.name, levels=sorted(values.drop_nulls().unique().to_list()))


def _total(values: np.ndarray) -> float:
    return float(sum(float(chunk.sum()) for chunk in _chunks(values)))


def _chunks(values: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(values), CHUNK_ROWS):
        yield values[start : start + CHUNK_ROWS]
