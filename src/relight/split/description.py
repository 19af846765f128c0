"""The features of a table, described by its train rows only: the numbers with their statistics, the categories with
their levels."""

from collections.abc import Iterable, Iterator
from functools import reduce
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import on_clock
from relight.data.features import (
    CategoricalFeature,
    DatePart,
    Features,
    InputFeatures,
    NumericFeature,
    NumericInput,
)
from relight.data.schema import GAP_LEVEL, Column, Schema
from relight.errors import InputError
from relight.split.assignment import TRAIN, PartAssignment, has_validation
from relight.split.encoding import EncodedChunk, encode_chunk, has_time_of_day
from relight.split.offsets import sample_train_rows, with_offsets
from relight.split.params import SplitParams
from relight.split.statistics import (
    RowSample,
    RunningStatistics,
    RunningTargetStatistics,
    chunk_statistics,
    empirical_quantiles,
)

RECURRING_PARTS = ("weekday", "hour")
LEARNED_KINDS = ("categorical", "datetime")


def columns_to_learn(params: SplitParams, schema: Schema) -> list[str]:
    """Return the columns to read before any row can be written: categories, and dates for their hours."""
    return [column.name for column in _feature_columns(params, schema) if column.kind in LEARNED_KINDS]


class LearnedLevels(NamedTuple):
    """The levels and the times of day of train rows, which must be known before any row can be written.

    Attributes:
        levels: of each category, in no order; null if some row has a gap.
        has_time_of_day: of each date, whether some row is not at midnight.
    """

    levels: dict[str, pl.Series]
    has_time_of_day: dict[str, bool]

    def without_gaps(self) -> "LearnedLevels":
        """Return the levels that are names."""
        return self._replace(levels={name: levels.drop_nulls() for name, levels in self.levels.items()})

    def merge(self, other: "LearnedLevels") -> "LearnedLevels":
        """Return the levels and the times of day of both sets of rows together."""
        levels = {name: pl.concat([own, other.levels[name]]).unique() for name, own in self.levels.items()}
        return LearnedLevels(
            levels, {name: has_time or other.has_time_of_day[name] for name, has_time in self.has_time_of_day.items()}
        )


def learn_levels(params: SplitParams, schema: Schema, train: pl.DataFrame) -> LearnedLevels:
    """Return the levels and the times of day of some train rows.

    Args:
        train: the `columns_to_learn`; it may have others.
    """
    columns = _feature_columns(params, schema)
    categories, dates = ([column.name for column in columns if column.kind == kind] for kind in LEARNED_KINDS)
    zones = {column.name: column.zone for column in columns}
    levels = {name: train[name].cast(pl.String).unique() for name in categories}
    return LearnedLevels(levels, {name: has_time_of_day(on_clock(train[name], zones[name])) for name in dates})


def find_input_features(params: SplitParams, schema: Schema, learned: Iterable[LearnedLevels]) -> InputFeatures:
    """Return the features: levels in the order of texts, and `hour` only if some train row is not at midnight.

    Args:
        learned: of all train rows, some at a time; not iterated if there is nothing to learn.

    Raises:
        InputError: when the column that splits is the only one that the model could see, or a column has the
            name of a part of a date.
    """
    seen = _feature_columns(params, schema)
    merged = reduce(LearnedLevels.merge, learned) if columns_to_learn(params, schema) else LearnedLevels({}, {})
    numeric = [
        number
        for column in seen
        for number in _numeric_inputs(column, merged.has_time_of_day.get(column.name, False))
        if column.name != params.column or number.date_part in RECURRING_PARTS
    ]
    categorical = [
        CategoricalFeature(name=name, levels=_ordered_levels(levels)) for name, levels in merged.levels.items()
    ]
    _assert_names_differ(numeric, schema)
    return InputFeatures(numeric, categorical)


def _ordered_levels(levels: pl.Series) -> list[str]:
    """Return the names in the order of texts, and after them the gap, which is learned as a name is."""
    names = levels.drop_nulls().sort().to_list()
    return [*names, GAP_LEVEL] if names and levels.null_count() else names


def _feature_columns(params: SplitParams, schema: Schema) -> list[Column]:
    """Return the columns that are features. The column that splits is none: its values in the test rows are ones that
    no train row has (the times of a split by time are beyond the train range; their weekdays and hours are not)."""
    seen = [
        column
        for each in schema.columns
        if (column := _in_place_of_split_column(each, params, schema)).kind != "ignored"
        and (column.name != params.column or _keeps_parts(column, params))
    ]
    if not seen:
        raise InputError(f"split.column: '{params.column}' is the only column that the model could see")
    return seen


def _keeps_parts(column: Column, params: SplitParams) -> bool:
    """Return whether the column that splits keeps what comes again: weekday and hour."""
    return params.method == "time" and column.kind == "datetime"


def _in_place_of_split_column(column: Column, params: SplitParams, schema: Schema) -> Column:
    """Return a copy of the column that splits by time as a feature: who has written it twice wants it seen."""
    if params.method != "time" or params.column is None or column.copy_of != params.column:
        return column
    return column.model_copy(update={"kind": next(each.kind for each in schema.columns if each.name == params.column)})


def _assert_names_differ(numeric: list[NumericInput], schema: Schema) -> None:
    names = {column.name for column in schema.columns}
    taken = [number for number in numeric if number.date_part is not None and number.name in names]
    if taken:
        raise InputError(
            *(f"column '{n.name}' has the name of the {n.date_part} of the date '{n.column}'; rename it" for n in taken)
        )


def _numeric_inputs(column: Column, has_hours: bool) -> list[NumericInput]:
    match column.kind:
        case "numeric" | "boolean":
            return [NumericInput(name=column.name, column=column.name, kind=column.kind)]
        case "datetime":
            hour: list[DatePart] = ["hour"] if has_hours else []
            date_parts: list[DatePart] = ["year", "month", "weekday", *hour, "elapsed"]
            return [
                NumericInput(
                    name=f"{column.name}.{part}", column=column.name, kind="datetime", date_part=part, zone=column.zone
                )
                for part in date_parts
            ]
        case "categorical" | "ignored":
            return []


class TrainStatistics:
    """Statistics of the train rows, which pass once, chunk by chunk, in order."""

    def __init__(self, schema: Schema, inputs: InputFeatures, parts: PartAssignment) -> None:
        self._schema = schema
        self._inputs = inputs
        self._n_rows = int((parts == TRAIN).sum())
        self._validates_on_test = not has_validation(parts)
        self._numbers = [RunningStatistics() for _ in inputs.numeric]
        self._sample = RowSample(len(inputs.numeric), self._n_rows)
        self._target = RunningTargetStatistics(offset=inputs.target_offset)
        self._class_counts = np.zeros(len(schema.classes or []), dtype=np.int64)

    def add(self, rows: EncodedChunk, numbers: list[RunningStatistics]) -> None:
        """Add the train rows of the next chunk, and the statistics of their numbers."""
        self._numbers = [statistics.merge(others) for statistics, others in zip(self._numbers, numbers, strict=True)]
        self._sample.add(rows.numeric)
        if self._schema.task == "regression":
            self._target = self._target.add(rows.target[:, 0])
        elif self._schema.task in ("binary", "multiclass"):
            self._class_counts += count_classes(rows.target, len(self._class_counts))

    def features(self) -> Features:
        """Return the features, once all train rows have passed."""
        schema = self._schema
        has_counts = schema.task in ("binary", "multiclass")
        return Features(
            task=schema.task,
            target=schema.target,
            targets=schema.targets,
            weight=schema.weight,
            query=schema.query,
            classes=schema.classes,
            numeric=[self._number(index, number) for index, number in enumerate(self._inputs.numeric)],
            categorical=list(self._inputs.categorical),
            target_statistics=self._target.statistics() if schema.task == "regression" else None,
            class_counts=self._class_counts.tolist() if has_counts else None,
            n_train=self._n_rows,
            validates_on_test=self._validates_on_test,
            reader=schema.reader,
            text_format=schema.text_format,
        )

    def _number(self, index: int, number: NumericInput) -> NumericFeature:
        statistics = self._numbers[index]
        low, high = (statistics.low, statistics.high) if statistics.n else (0.0, 0.0)
        return NumericFeature(
            **number.model_dump(),
            mean=statistics.mean,
            std=statistics.std,
            low=low,
            high=high,
            quantiles=empirical_quantiles(self._sample.values[index], low, high) if statistics.n else [],
            gaps=self._n_rows - statistics.n,
        )


def numeric_statistics(rows: EncodedChunk) -> list[RunningStatistics]:
    """Return the statistics of each numeric feature."""
    return [chunk_statistics(values) for values in rows.numeric]


def describe_features(
    params: SplitParams, schema: Schema, parts: PartAssignment, chunks: Iterable[pl.DataFrame]
) -> Features:
    """Return the features, described by the train rows only. The column that splits is never one of them.

    Args:
        chunks: all rows in order, `CHUNK_ROWS` at a time, in memory.

    Raises:
        InputError: when the column that splits is the only one that the model could see.
    """
    chunks = list(chunks)
    inputs = find_input_features(
        params, schema, (learn_levels(params, schema, rows) for rows in _train_rows(chunks, parts))
    )
    inputs = with_offsets(inputs, schema, sample_train_rows(parts, pl.concat(chunks).slice))
    train = TrainStatistics(schema, inputs, parts)
    for rows in _train_rows(chunks, parts):
        encoded = encode_chunk(rows, schema, inputs)
        train.add(encoded, numeric_statistics(encoded))
    return train.features()


def _train_rows(chunks: Iterable[pl.DataFrame], parts: PartAssignment) -> Iterator[pl.DataFrame]:
    start = 0
    for chunk in chunks:
        yield chunk.filter(parts[start : start + chunk.height] == TRAIN)
        start += chunk.height


def count_classes(target: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the number of rows of each class, of the encoded target of a binary or multiclass task."""
    return np.bincount(target.reshape(-1).astype(np.int64), minlength=n_classes)
