"""A clean table → arrays: raw float32 numbers with NaN for gaps, and category codes."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.domain.features import CategoricalFeature, Features


class Encoded(NamedTuple):
    """
    Attributes:
        numeric: float32, shape (n_rows, n_numeric); a gap is NaN, true is 1.
        categories: int32, shape (n_rows, n_categorical); 0 is a gap or a level that train lacks.
    """

    numeric: np.ndarray
    categories: np.ndarray


def encode(table: pl.DataFrame, features: Features) -> Encoded:
    """The features of each row, in the order of `features`."""
    numeric = [_numbers(table[feature.name]) for feature in features.numeric]
    categories = [_codes(table[feature.name], feature) for feature in features.categorical]
    return Encoded(
        _side_by_side(numeric, table.height, np.float32),
        _side_by_side(categories, table.height, np.int32),
    )


def encode_target(values: pl.Series, features: Features) -> np.ndarray:
    """float32 (n, 1) for regression and binary (the second class is 1), int64 (n,) for multiclass."""
    if features.classes is None:
        return values.to_numpy().astype(np.float32).reshape(-1, 1)
    codes = values.replace_strict(
        {label: index for index, label in enumerate(features.classes)}, return_dtype=pl.Int64
    ).to_numpy()
    return codes.astype(np.float32).reshape(-1, 1) if features.task == "binary" else codes


def _numbers(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float32)


def _codes(values: pl.Series, feature: CategoricalFeature) -> np.ndarray:
    codes = {level: code for code, level in enumerate(feature.levels, start=1)}
    return values.replace_strict(codes, default=0, return_dtype=pl.Int32).fill_null(0).to_numpy()


def _side_by_side(columns: list[np.ndarray], n_rows: int, dtype: type[np.generic]) -> np.ndarray:
    if not columns:
        return np.empty((n_rows, 0), dtype=dtype)
    return np.column_stack(columns).astype(dtype)
