"""A clean table → arrays: raw float32 numbers with NaN for gaps, category codes, the target, the weights."""

from typing import NamedTuple, Self

import numpy as np
import polars as pl

from relight.domain.features import Features, Inputs, NumericInput
from relight.domain.moments import number_of
from relight.domain.schema import Schema


class Encoded(NamedTuple):
    """
    Attributes:
        numeric: float32, shape (n_rows, n_numeric); a gap is NaN, true is 1.
        categories: int32, shape (n_rows, n_categorical); 0 is a gap or a level that train lacks.
    """

    numeric: np.ndarray
    categories: np.ndarray


class EncodedChunk(NamedTuple):
    """Some rows of a table, column beside column, so that statistics read what lies together.

    Attributes:
        numeric: float32, shape (n_numeric, n_rows).
        categories: int32, shape (n_categorical, n_rows).
        target: as `encode_target` gives it.
        weight: float32, shape (n_rows,); None where the rows have none.
    """

    numeric: np.ndarray
    categories: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None

    def take(self, rows: np.ndarray) -> Self:
        """The rows at these places."""
        weight = None if self.weight is None else self.weight[rows]
        numeric, categories = (np.take(columns, rows, axis=1) for columns in (self.numeric, self.categories))
        return self._replace(numeric=numeric, categories=categories, target=self.target[rows], weight=weight)

    def tensors(self) -> dict[str, np.ndarray]:
        """As they are stored: row after row, under the names that training reads."""
        weight = {} if self.weight is None else {"weight": self.weight}
        numeric, categories = (np.ascontiguousarray(columns.T) for columns in (self.numeric, self.categories))
        return {"numeric": numeric, "categories": categories, "target": self.target, **weight}


def encode(table: pl.DataFrame, features: Features | Inputs) -> Encoded:
    """The features of each row, in the order of `features`."""
    return Encoded(
        np.ascontiguousarray(_numeric(table, features).T), np.ascontiguousarray(_categories(table, features).T)
    )


def columns_to_encode(schema: Schema, inputs: Inputs) -> list[str]:
    """The columns of the clean table that `encode_chunk` reads, each once."""
    weight = [] if schema.weight is None else [schema.weight]
    numbers = [number.column for number in inputs.numeric]
    return list(dict.fromkeys([*numbers, *(c.name for c in inputs.categorical), *schema.targets, *weight]))


def encode_chunk(table: pl.DataFrame, schema: Schema, inputs: Features | Inputs) -> EncodedChunk:
    """All that training reads of some rows."""
    weight = None if schema.weight is None else _numbers(table[schema.weight])
    return EncodedChunk(_numeric(table, inputs), _categories(table, inputs), encode_target(table, schema), weight)


def encode_target(table: pl.DataFrame, schema: Schema) -> np.ndarray:
    """float32 (n, 1) for regression, ranking and binary (the second class is 1), int64 (n,) for multiclass,
    float32 (n, n_classes) for a distribution."""
    match schema.task:
        case "regression" | "distribution" | "forecast" | "ranking":
            return np.stack([_numbers(table[name]) for name in schema.targets], axis=1)
        case "binary" | "similarity":
            return (_codes(table[schema.target], _labels(schema)) - 1).astype(np.float32).reshape(-1, 1)
        case "multiclass":
            return _codes(table[schema.target], _labels(schema)).astype(np.int64) - 1


def _labels(schema: Schema) -> list[str]:
    assert schema.classes is not None  # Both tasks of classes have some.
    return schema.classes


def _numeric(table: pl.DataFrame, features: Features | Inputs) -> np.ndarray:
    columns = np.empty((len(features.numeric), table.height), dtype=np.float32)
    for place, number in enumerate(features.numeric):
        columns[place] = _number(table[number.column], number)
    return columns


def _number(values: pl.Series, number: NumericInput) -> np.ndarray:
    return _numbers(values) if number.moment is None else number_of(values, number.moment)


def _numbers(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float32).fill_null(float("nan")).to_numpy()


def _categories(table: pl.DataFrame, features: Features | Inputs) -> np.ndarray:
    columns = np.empty((len(features.categorical), table.height), dtype=np.int32)
    for place, category in enumerate(features.categorical):
        columns[place] = _codes(table[category.name], category.levels)
    return columns


def _codes(values: pl.Series, levels: list[str]) -> np.ndarray:
    """Places in the levels from 1, and 0 for gaps and other texts. A cast to an Enum takes half as long as a
    look-up of each value."""
    places = values.cast(pl.Enum(levels), strict=False).to_physical()
    return (places.cast(pl.Int32) + 1).fill_null(0).to_numpy()
