"""A split table → its features, as the train rows alone describe them."""

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from relight.domain.encoding import EncodedChunk, encode_chunk
from relight.domain.features import Features, Inputs, NumericFeature, NumericInput
from relight.domain.inputs import find_inputs, learn
from relight.domain.quantiles import Sample, quantiles_of
from relight.domain.schema import Schema
from relight.domain.splitting import TRAIN, VALIDATION, Parts
from relight.domain.statistics import Statistics, TargetSums, statistics_of
from relight.params.split import SplitParams


class TrainRows:
    """What is kept of the train rows while they pass by once, chunk by chunk, in order."""

    def __init__(self, schema: Schema, inputs: Inputs, parts: Parts) -> None:
        self._schema = schema
        self._inputs = inputs
        self._n_rows = int((parts == TRAIN).sum())
        self._validated = bool((parts == VALIDATION).any())
        self._numbers = [Statistics() for _ in inputs.numeric]
        self._sample = Sample(len(inputs.numeric), self._n_rows)
        self._target = TargetSums()
        self._class_counts = np.zeros(len(schema.classes or []), dtype=np.int64)

    def add(self, rows: EncodedChunk, numbers: list[Statistics]) -> None:
        """The train rows of the next chunk, and the statistics of their numbers."""
        self._numbers = [known.merge(others) for known, others in zip(self._numbers, numbers, strict=True)]
        self._sample.add(rows.numeric)
        if self._schema.task == "regression":
            self._target = self._target.add(rows.target[:, 0])
        elif self._schema.task in ("binary", "multiclass"):
            self._class_counts += count_classes(rows.target, len(self._class_counts))

    def features(self) -> Features:
        """What all train rows say, once they have passed by."""
        schema = self._schema
        has_counts = schema.task in ("binary", "multiclass")
        return Features(
            task=schema.task,
            target=schema.target,
            targets=schema.targets,
            weight=schema.weight,
            query=schema.query,
            classes=schema.classes,
            numeric=[self._number(place, number) for place, number in enumerate(self._inputs.numeric)],
            categorical=list(self._inputs.categorical),
            target_statistics=self._target.statistics() if schema.task == "regression" else None,
            class_counts=self._class_counts.tolist() if has_counts else None,
            n_train=self._n_rows,
            test_rows_validate=not self._validated,
        )

    def _number(self, place: int, number: NumericInput) -> NumericFeature:
        known = self._numbers[place]
        low, high = (known.low, known.high) if known.n else (0.0, 0.0)
        return NumericFeature(
            **number.model_dump(),
            mean=known.mean,
            std=known.std,
            low=low,
            high=high,
            quantiles=quantiles_of(self._sample.values[place], low, high) if known.n else [],
            gaps=self._n_rows - known.n,
        )


def statistics_of_numbers(rows: EncodedChunk) -> list[Statistics]:
    """Of each numeric feature."""
    return [statistics_of(values) for values in rows.numeric]


def describe(params: SplitParams, schema: Schema, parts: Parts, chunks: Iterable[pl.DataFrame]) -> Features:
    """The features, described by the train rows alone. The column that splits is never one of them.

    Args:
        chunks: all rows in order, `CHUNK_ROWS` at a time; iterated twice where there are categories or dates.

    Raises:
        InputError: when the column that splits is the only one that the model could see.
    """
    inputs = find_inputs(params, schema, (learn(params, schema, rows) for rows in _train_rows(chunks, parts)))
    train = TrainRows(schema, inputs, parts)
    for rows in _train_rows(chunks, parts):
        encoded = encode_chunk(rows, schema, inputs)
        train.add(encoded, statistics_of_numbers(encoded))
    return train.features()


def _train_rows(chunks: Iterable[pl.DataFrame], parts: Parts) -> Iterator[pl.DataFrame]:
    start = 0
    for chunk in chunks:
        yield chunk.filter(parts[start : start + chunk.height] == TRAIN)
        start += chunk.height


def count_classes(target: np.ndarray, n_classes: int) -> np.ndarray:
    """How many rows each class has, of the encoded target of a binary or multiclass task."""
    return np.bincount(target.reshape(-1).astype(np.int64), minlength=n_classes)
