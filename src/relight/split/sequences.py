"""split, for a table whose rows make sequences; all of it is in memory.

Each sequence is in one part as a whole, and only the steps of the train sequences describe the features.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features, InputFeatures, SequenceFeatures
from relight.data.groups import inconsistency_problems
from relight.data.schema import Schema, SequenceParams
from relight.data.tensors import Arrays
from relight.errors import InputError
from relight.split.assignment import (
    NO_PART,
    PARTS,
    TRAIN,
    PartAssignment,
    assign_rows,
    count_parts,
    parts_to_write,
)
from relight.split.description import (
    TrainStatistics,
    count_classes,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import EncodedChunk, EncodedFeatures, encode, encode_target
from relight.split.files import Split
from relight.split.offsets import merged_notes, with_offsets
from relight.split.params import SplitParams
from relight.split.report import SplitReport, constant_columns, count_shared_rows, method_notes, unseen_classes


class SequenceSteps(NamedTuple):
    """The steps of a table, and its sequences.

    Attributes:
        rows: a row for each step, sequence after sequence.
        sequences: a row for each sequence: its first step, which has the target and the part of all its steps.
        sequence_index: int64 (n_steps,): which sequence a step belongs to, from 0.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    sequence_index: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """The number of steps of each sequence, int64 (n_sequences,)."""
        return np.bincount(self.sequence_index, minlength=self.sequences.height).astype(np.int64)


def split_into_sequences(table: pl.DataFrame, sequence: SequenceParams) -> SequenceSteps:
    """Return the steps of a clean table, and a row for each sequence.

    Args:
        table: as prepare wrote it: the rows of a sequence follow each other.
    """
    if sequence.symbols is not None:
        return _characters(table, sequence.symbols)
    ids = table[str(sequence.id)]
    starts = (ids != ids.shift()).fill_null(value=True).to_numpy()
    return SequenceSteps(table, table.filter(starts), np.cumsum(starts, dtype=np.int64) - 1)


def _characters(table: pl.DataFrame, symbols: str) -> SequenceSteps:
    characters = table[symbols].cast(pl.String).str.split("")
    sequence_index = np.repeat(np.arange(table.height), characters.list.len().to_numpy())
    return SequenceSteps(characters.explode().to_frame(), table, sequence_index)


class SplitSequences(NamedTuple):
    """The steps and the sequences as arrays, before they are divided.

    Attributes:
        parts: the part of each sequence, int8 (n_sequences,), as `assign_rows` returns it.
        features: what only the train sequences tell.
        report: the sizes of the parts, in sequences.
        encoded: the features of each step.
        target, weight: of each sequence.
    """

    steps: SequenceSteps
    parts: PartAssignment
    features: Features
    report: SplitReport
    encoded: EncodedFeatures
    target: np.ndarray
    weight: np.ndarray | None

    def tensors(self, part: int) -> Arrays:
        """Return the sequences of one part.

        `numeric` (n_steps, d) float32 and `categories` (n_steps, k) int32 hold the steps, sequence after sequence;
        `start` and `length` (n_sequences,) int64 are the steps of each sequence; `target` and `weight` are as a table
        has them; `row` is the index of each sequence in order of first appearance.
        """
        is_of_part = self.parts == part
        steps = is_of_part[self.steps.sequence_index]
        length = self.steps.length[is_of_part]
        weight = {} if self.weight is None else {"weight": self.weight[is_of_part]}
        return {
            "numeric": self.encoded.numeric[steps],
            "categories": self.encoded.categories[steps],
            "start": np.cumsum(length) - length,
            "length": length,
            "target": self.target[is_of_part],
            "row": np.flatnonzero(is_of_part),
            **weight,
        }

    def files(self) -> Iterator[Arrays]:
        """Yield the arrays of train, validation and test; without validation sequences, test stands in for them."""
        return (self.tensors(part) for part in parts_to_write(self.parts))


def split_sequences(params: SplitParams, schema: Schema, sequence: SequenceParams, table: pl.DataFrame) -> Split:
    """Return the arrays of each part, the features and the report.

    Raises:
        InputError: as `split_by_sequence`.
    """
    done = split_by_sequence(params, schema, sequence, table)
    return Split(done.files(), done.features, done.report)


def split_by_sequence(
    params: SplitParams, schema: Schema, sequence: SequenceParams, table: pl.DataFrame
) -> SplitSequences:
    """Assign whole sequences to the parts, and describe and encode their steps.

    Args:
        table: as prepare wrote it.

    Raises:
        InputError: as `assign_rows`; for a column that splits a sequence in two.
    """
    steps = split_into_sequences(table, sequence)

    def read(columns: list[str]) -> pl.DataFrame:
        if sequence.id is not None:
            _assert_whole(table, steps, columns, sequence.id)
        return steps.sequences

    sequence_schema = schema.model_copy(update={"rows": steps.sequences.height})
    parts, params, notes, _ = assign_rows(params, sequence_schema, read)
    is_train = parts == TRAIN
    train = steps.rows.filter(is_train[steps.sequence_index])
    inputs = find_input_features(params, schema, [learn_levels(params, schema, train)])
    inputs = with_offsets(inputs, schema, train)
    encoded, target = encode(steps.rows, inputs), encode_target(steps.sequences, schema, inputs.target_offset)
    train_chunk = EncodedChunk(*_encoded_columns(encoded, is_train[steps.sequence_index]), target[is_train], None)
    table_features = _table_features(sequence_schema, inputs, parts[steps.sequence_index], train_chunk)
    features = _with_lengths(table_features, sequence, steps.length[is_train])
    report = _report(params, features, steps, parts, target).followed_by(merged_notes(features, train))
    weight = None if schema.weight is None else steps.sequences[schema.weight].cast(pl.Float32).to_numpy()
    return SplitSequences(steps, parts, features, report.preceded_by(notes), encoded, target, weight)


def _assert_whole(table: pl.DataFrame, steps: SequenceSteps, columns: list[str], id_: str) -> None:
    problems = [
        each for name in columns for each in inconsistency_problems(table[name], table[id_], steps.sequence_index)
    ]
    if problems:
        raise InputError(*(f"split.column: {problem}" for problem in problems))


def _encoded_columns(encoded: EncodedFeatures, chosen_steps: np.ndarray) -> EncodedFeatures:
    """Return the chosen steps, (n_columns, n_steps) each."""
    return EncodedFeatures(*(np.ascontiguousarray(values[chosen_steps].T) for values in encoded))


def _table_features(schema: Schema, inputs: InputFeatures, step_parts: PartAssignment, train: EncodedChunk) -> Features:
    """Describe numbers by the train steps, the target and the classes by the train sequences."""
    rows = TrainStatistics(schema, inputs, step_parts)
    rows.add(train, numeric_statistics(train))
    return rows.features()


def _with_lengths(features: Features, sequence: SequenceParams, train_lengths: np.ndarray) -> Features:
    """Return the features with the lengths of the train sequences, int (n_sequences,)."""
    n_steps, longest = int(train_lengths.sum()), int(train_lengths.max())
    described = SequenceFeatures(columns=sequence, n_steps=n_steps, longest=longest)
    return features.model_copy(update={"n_train": len(train_lengths), "sequence": described})


def _report(
    params: SplitParams, features: Features, steps: SequenceSteps, parts: PartAssignment, target: np.ndarray
) -> SplitReport:
    left_out = int((parts == NO_PART).sum())
    classes = features.classes or []
    counts = [count_classes(target[parts == part], len(classes)) for part in range(len(PARTS) if classes else 0)]
    missing = unseen_classes(classes, np.stack(counts)) if classes else []
    return SplitReport(
        rows=count_parts(parts),
        left_out=left_out,
        notes=[
            *method_notes(params, left_out),
            *_duplicate_notes(features, steps, parts),
            *missing,
            *constant_columns(features),
        ],
    )


def _duplicate_notes(features: Features, steps: SequenceSteps, parts: PartAssignment) -> list[str]:
    """Count the different sequences that are in more than one part, step for step."""
    seen = steps.rows.select(features.columns).hash_rows(seed=0).to_numpy()
    length = steps.length
    within = np.arange(len(seen)) - np.repeat(np.cumsum(length) - length, length)
    odd = 2 * within.astype(np.uint64) + np.uint64(1)  # the same steps in another order are another sequence
    hashes = np.zeros(len(length), dtype=np.uint64)
    np.add.at(hashes, steps.sequence_index, seen * odd)
    n_shared = count_shared_rows(hashes, parts)
    return [f"Sequences that stand in more than one part: {n_shared}; scores may be too good."] if n_shared else []
