"""A clean table → arrays: raw float32 numbers with NaN for gaps, category codes, the target, the weights.

A date becomes several numbers (year, month, weekday, hour, days since 2000). A number with an offset is subtracted
from exactly, and then becomes a float32.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from relight.data.calendar import on_clock
from relight.data.features import DatePart, Features, InputFeatures, NumericInput
from relight.data.schema import GAP_LEVEL, Schema
from relight.data.text_columns import with_whole_numbers

MICROSECONDS_TO_2000 = 946_684_800_000_000  # from 1970 to 2000-01-01: near enough that float32 keeps the minutes
MICROSECONDS_PER_DAY = 86_400_000_000
MICROSECONDS_PER_HOUR = 3_600_000_000


def date_part(times: pl.Series, part: DatePart) -> np.ndarray:
    """Return one number of each time, float64 (n,), NaN for gaps.

    `weekday` is 1 for Monday to 7; `elapsed` are days since 2000-01-01, with fractions.
    """
    numbers = _date_part(_microseconds(times).fill_null(MICROSECONDS_TO_2000).to_numpy(), part).astype(np.float64)
    if times.null_count():
        numbers[times.is_null().to_numpy()] = np.nan
    return numbers


def has_time_of_day(times: pl.Series) -> bool:
    """Return whether some time is not midnight."""
    return bool((_microseconds(times).drop_nulls().to_numpy() % MICROSECONDS_PER_DAY).any())


def _date_part(microseconds: np.ndarray, part: DatePart) -> np.ndarray:
    match part:
        case "year":
            return _by_unique_days(microseconds, lambda days: days.dt.year())
        case "month":
            return _by_unique_days(microseconds, lambda days: days.dt.month())
        case "weekday":
            return _by_unique_days(microseconds, lambda days: days.dt.weekday())
        case "hour":
            return microseconds % MICROSECONDS_PER_DAY // MICROSECONDS_PER_HOUR
        case "elapsed":
            return (microseconds - MICROSECONDS_TO_2000) / MICROSECONDS_PER_DAY


def _by_unique_days(microseconds: np.ndarray, number: Callable[[pl.Series], pl.Series]) -> np.ndarray:
    """Compute the number once for each day of the range, if the days are fewer than the rows."""
    days = (microseconds // MICROSECONDS_PER_DAY).astype(np.int32)
    first, last = (int(days.min()), int(days.max())) if len(days) else (0, 0)
    if last - first >= len(days):
        return number(pl.Series(days).cast(pl.Date)).to_numpy()
    calendar = np.arange(first, last + 1, dtype=np.int32)
    return np.take(number(pl.Series(calendar).cast(pl.Date)).to_numpy(), days - first)


def _microseconds(times: pl.Series) -> pl.Series:
    return times.cast(pl.Datetime("us")).to_physical()


class EncodedFeatures(NamedTuple):
    """The features of each row.

    Attributes:
        numeric: float32, shape (n_rows, n_numeric); a gap is NaN, true is 1.
        categories: int32, shape (n_rows, n_categorical); 0 is a level, or a gap, that train lacks.
    """

    numeric: np.ndarray
    categories: np.ndarray


class EncodedChunk(NamedTuple):
    """Some rows of a table, each column contiguous in memory, as statistics read them.

    Attributes:
        numeric: float32, shape (n_numeric, n_rows).
        categories: int32, shape (n_categorical, n_rows).
        target: as `encode_target` returns it.
        weight: float32, shape (n_rows,); None if the rows have none.
    """

    numeric: np.ndarray
    categories: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None

    def take(self, rows: np.ndarray) -> Self:
        """Return the rows with these indices."""
        weight = None if self.weight is None else self.weight[rows]
        numeric, categories = (np.take(columns, rows, axis=1) for columns in (self.numeric, self.categories))
        return self._replace(numeric=numeric, categories=categories, target=self.target[rows], weight=weight)

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the arrays as they are stored: row after row, under the names that training reads."""
        weight = {} if self.weight is None else {"weight": self.weight}
        numeric, categories = (np.ascontiguousarray(columns.T) for columns in (self.numeric, self.categories))
        return {"numeric": numeric, "categories": categories, "target": self.target, **weight}


def encode(table: pl.DataFrame, features: Features | InputFeatures) -> EncodedFeatures:
    """Return the features of each row, in the order of `features`."""
    return EncodedFeatures(
        np.ascontiguousarray(_numeric(table, features).T), np.ascontiguousarray(_categories(table, features).T)
    )


def columns_to_encode(schema: Schema, inputs: InputFeatures) -> list[str]:
    """Return the columns of the clean table that `encode_chunk` reads, each once."""
    weight = [] if schema.weight is None else [schema.weight]
    numbers = [number.column for number in inputs.numeric]
    return list(dict.fromkeys([*numbers, *(c.name for c in inputs.categorical), *schema.targets, *weight]))


def encode_chunk(table: pl.DataFrame, schema: Schema, inputs: Features | InputFeatures) -> EncodedChunk:
    """Return all that training reads of some rows."""
    weight = None if schema.weight is None else _numbers(table[schema.weight])
    target = encode_target(table, schema, inputs.target_offset)
    return EncodedChunk(_numeric(table, inputs), _categories(table, inputs), target, weight)


def encode_target(table: pl.DataFrame, schema: Schema, offset: float = 0.0) -> np.ndarray:
    """Return float32 (n, 1) for regression, ranking and binary (the second class is 1), int64 (n,) for multiclass,
    float32 (n, n_classes) for a distribution.

    Args:
        offset: is subtracted from the target of a regression.
    """
    match schema.task:
        case "regression" | "distribution" | "forecast" | "ranking":
            return np.stack([_numbers(subtract(table[name], offset)) for name in schema.targets], axis=1)
        case "binary" | "similarity":
            return (_codes(table[schema.target], _labels(schema)) - 1).astype(np.float32).reshape(-1, 1)
        case "multiclass":
            return _codes(table[schema.target], _labels(schema)).astype(np.int64) - 1


def _labels(schema: Schema) -> list[str]:
    assert schema.classes is not None  # tasks of classes have some
    return schema.classes


def _numeric(table: pl.DataFrame, features: Features | InputFeatures) -> np.ndarray:
    columns = np.empty((len(features.numeric), table.height), dtype=np.float32)
    for index, number in enumerate(features.numeric):
        columns[index] = _number(table[number.column], number)
    return columns


def _number(values: pl.Series, number: NumericInput) -> np.ndarray:
    return _numbers(subtract(exact_values(values, number), number.offset))


def exact_values(values: pl.Series, number: NumericInput) -> pl.Series:
    """Return the numbers of a feature before they become float32: those of the column, or one part of its dates."""
    if number.date_part is None:
        return values
    return pl.Series(date_part(on_clock(values, number.zone), number.date_part), nan_to_null=True)


def subtract(values: pl.Series, offset: float) -> pl.Series:
    """Return the numbers minus an offset; whole numbers beyond 2**53 without a rounding."""
    if not offset:
        return values
    if not values.dtype.is_integer():
        return values.cast(pl.Float64) - offset
    difference = pl.lit(values.cast(pl.Int128)) - pl.lit(int(offset), dtype=pl.Int128)
    return pl.select(difference).to_series()


def _numbers(values: pl.Series) -> np.ndarray:
    return values.cast(pl.Float32).fill_null(float("nan")).to_numpy()


def _categories(table: pl.DataFrame, features: Features | InputFeatures) -> np.ndarray:
    columns = np.empty((len(features.categorical), table.height), dtype=np.int32)
    for index, category in enumerate(features.categorical):
        columns[index] = _codes(table[category.name], category.levels)
    return columns


def _codes(values: pl.Series, levels: list[str]) -> np.ndarray:
    """Return the index of each level from 1, and 0 for other texts, and for gaps if they are no level.

    A cast to an Enum takes half as long as looking up each value; only the levels of an older model may write a whole
    number as `3.0`.
    """
    names = with_whole_numbers(pl.Series(levels, dtype=pl.String)).to_list()
    if names != levels:
        codes = {name: code for code, name in reversed([*enumerate(names, 1)])}
        return values.replace_strict(codes, default=0, return_dtype=pl.Int32).to_numpy()
    level_indices = values.cast(pl.Enum(levels), strict=False).to_physical()
    level_codes = (level_indices.cast(pl.Int32) + 1).fill_null(0).to_numpy()
    if GAP_LEVEL not in levels or not values.null_count():
        return level_codes
    return np.where(values.is_null().to_numpy(), np.int32(levels.index(GAP_LEVEL) + 1), level_codes)
