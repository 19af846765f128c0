"""The offset of each number whose different values would become one float32, found by a sample of the train rows.

float32 has 24 bits: of unix seconds it keeps every 128th, of dates such as 20240105 every second one. The difference
from one of the values is exact, whatever their size.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features, InputFeatures, NumericInput
from relight.data.schema import Schema
from relight.split.assignment import TRAIN, PartAssignment
from relight.split.encoding import exact_values, subtract

MAX_ROWS_READ_WHOLE = 65_536
N_BLOCKS, BLOCK_ROWS = 8, 2048  # of a larger table: rows that follow each other, all over the train rows
MAX_SAMPLE_VALUES = 8192  # so few that numbers drawn at random stay apart
MAX_LOST_SHARE = 0.01  # of the different values
MAX_ROUNDED_SHARE = 0.1  # of the whole numbers of a narrow column
NARROW = 8  # times smaller than the largest value, and an offset wins three bits
MIN_GAIN = 0.75  # an offset must leave less than this share of the loss


def sample_train_rows(parts: PartAssignment, read: Callable[[int, int], pl.DataFrame]) -> pl.DataFrame:
    """Return some train rows in their order: all those of a small table, blocks of those of a larger one.

    Args:
        read: returns the rows of the table from a row on, at most so many.
    """
    if len(parts) <= MAX_ROWS_READ_WHOLE:
        return read(0, len(parts)).filter(parts == TRAIN)
    train = np.flatnonzero(parts == TRAIN)
    starts = np.unique(train[np.arange(N_BLOCKS) * len(train) // N_BLOCKS])
    ends = np.minimum(starts + BLOCK_ROWS, np.append(starts[1:], len(parts)))
    return pl.concat(
        read(int(start), int(end - start)).filter(parts[start:end] == TRAIN)
        for start, end in zip(starts, ends, strict=True)
    )


def columns_to_sample(inputs: InputFeatures, schema: Schema) -> list[str]:
    """Return the columns that `with_offsets` reads, each once."""
    return list(dict.fromkeys([*(number.column for number in inputs.numeric), *_quantity(schema)]))


def with_offsets(inputs: InputFeatures, schema: Schema, sample: pl.DataFrame) -> InputFeatures:
    """Return the features with an offset where the sampled train rows need one; and that of the target.

    Args:
        sample: the `columns_to_sample`; it may have others.
    """
    numbers = [_with_offset(number, sample[number.column]) for number in inputs.numeric]
    target_offset = sum(find_offset(sample[name]) for name in _quantity(schema))
    return inputs._replace(numeric=numbers, target_offset=target_offset)


def _quantity(schema: Schema) -> list[str]:
    return [schema.target] if schema.task == "regression" else []


def find_offset(values: pl.Series) -> float:
    """Return 0 if the values stay apart as float32, or no offset helps; else one of them, near the middle."""
    present = _sampled(values.drop_nulls())
    before = _loss(present, 0.0)
    if not before:
        return 0.0
    offset = float(present.sort()[len(present) // 2])
    return offset if _loss(present, offset) < MIN_GAIN * before else 0.0


def merged_notes(features: Features | InputFeatures, sample: pl.DataFrame) -> list[str]:
    """Return a remark on each number of which different values become one, with its offset.

    Args:
        sample: as of `with_offsets`.
    """
    notes = []
    for number in features.numeric:
        counts = _count_values(_sampled(exact_values(sample[number.column], number).drop_nulls()), number.offset)
        if counts.exact - counts.single > MAX_LOST_SHARE * counts.exact:
            notes.append(
                f"Column '{number.name}': {counts.exact} different values of sampled train rows are {counts.single} "
                "for the model, which reads float32; if their last digits matter, put these in a column of their own"
                f"{_names_advice(number)}."
            )
    return notes + _target_notes(features, sample)


def _target_notes(features: Features | InputFeatures, sample: pl.DataFrame) -> list[str]:
    if not isinstance(features, Features) or features.task != "regression":
        return []
    counts = _count_values(_sampled(sample[features.target]), features.target_offset)
    if counts.exact - counts.single <= MAX_LOST_SHARE * counts.exact:
        return []
    return [
        f"Target '{features.target}': {counts.exact} different values of sampled train rows are {counts.single} for "
        "the model, which reads float32; predict a smaller number, such as the difference from a known one."
    ]


def _names_advice(number: NumericInput) -> str:
    is_date = number.date_part is not None
    return "" if is_date else f", or if they are names, say so: prepare.columns: {{{number.column}: categorical}}"


def merged_series_notes(train: pl.DataFrame, names: list[str]) -> list[str]:
    """Return a remark on each column of numbers of series of which different values become one.

    Args:
        train: the train rows.
    """
    notes = []
    for name in names:
        counts = _count_values(_sampled(train[name].drop_nulls()), 0.0)
        if counts.exact - counts.single > MAX_LOST_SHARE * counts.exact:
            notes.append(
                f"Column '{name}': {counts.exact} different values of sampled train rows are {counts.single} for the "
                "forecast, which reads float32; subtract a constant from the column."
            )
    return notes


class _Counts(NamedTuple):
    """The number of different values, and of those that float32 tells apart."""

    exact: int
    single: int


def _with_offset(number: NumericInput, column: pl.Series) -> NumericInput:
    if number.kind == "boolean" or number.date_part not in (None, "elapsed"):
        return number
    offset = find_offset(exact_values(column, number))
    return number.model_copy(update={"offset": offset}) if offset else number


def _sampled(values: pl.Series) -> pl.Series:
    if len(values) <= MAX_SAMPLE_VALUES:
        return values
    return values[np.linspace(0, len(values) - 1, MAX_SAMPLE_VALUES).astype(np.int64)]


def _count_values(values: pl.Series, offset: float) -> _Counts:
    different = values.unique()
    return _Counts(len(different), subtract(different, offset).cast(pl.Float32).n_unique())


def _loss(values: pl.Series, offset: float) -> float:
    """Return the share of the different values that are lost; 0 if they are few.

    Whole numbers in a narrow range count as lost if they are rounded: a sample may hold only one of two neighbours.
    """
    counts = _count_values(values, offset)
    if counts.exact < 2:
        return 0.0
    lost = (counts.exact - counts.single) / counts.exact
    rounded = _rounded_share(values, offset)
    return max(lost if lost > MAX_LOST_SHARE else 0.0, rounded if rounded > MAX_ROUNDED_SHARE else 0.0)


def _rounded_share(values: pl.Series, offset: float) -> float:
    """Return the share of values that float32 rounds; 0 if they are no whole numbers, or not in a narrow range."""
    numbers = values.cast(pl.Float64)
    low, high = numbers.quantile(0.05, "nearest"), numbers.quantile(0.95, "nearest")
    if low is None or high is None or NARROW * (high - low) > max(abs(low), abs(high)):
        return 0.0
    if not values.dtype.is_integer() and bool((numbers != numbers.round()).any()):
        return 0.0
    exact = subtract(values, offset)
    return float((exact.cast(pl.Float64) != exact.cast(pl.Float32).cast(pl.Float64)).mean() or 0.0)  # type: ignore[arg-type]
