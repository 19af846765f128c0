"""Whole sequences to tensors.

A clean table whose rows make sequences → its steps, and a row for each sequence.

Sequences are shared out whole between the parts, and described by the steps of the train sequences alone.

split, for a table whose rows make sequences: all of it is in memory.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features, InputFeatures, SequenceFeatures
from relight.data.groups import inconsistency_problems
from relight.data.parquet import read_parquet
from relight.data.schema import Schema, SequenceParams
from relight.data.tensors import write_tensors
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.assignment import (
    NO_PART,
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    PartAssignment,
    assign_parts,
    resolve_split,
)
from relight.split.columns import columns_to_split
from relight.split.description import (
    TrainStatistics,
    count_classes,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import EncodedChunk, EncodedFeatures, encode, encode_target
from relight.split.files import SplitFiles
from relight.split.params import SplitParams
from relight.split.report import SplitReport, constant_columns, count_shared_rows, method_notes, unseen_classes

Arrays = dict[str, np.ndarray]


class SequenceSteps(NamedTuple):
    """
    Attributes:
        rows: a row for each step, sequence after sequence.
        sequences: a row for each sequence: of its first step, whose target and part are those of all.
        place: int64, (n_steps,), of each step's sequence.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    sequence_index: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Steps of each sequence, int64, (n_sequences,)."""
        return np.bincount(self.sequence_index, minlength=self.sequences.height).astype(np.int64)


def split_into_sequences(table: pl.DataFrame, sequence: SequenceParams) -> SequenceSteps:
    """
    Args:
        table: as prepare wrote it: the rows of a sequence stand together.
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
    """
    Attributes:
        parts: the part of each sequence, int8, (n_sequences,), as `assign_parts` gives it.
        features: what the train sequences say.
        report: in which each row is a sequence.
        encoded: each step.
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
        """The sequences of one part.

        `numeric` (n_steps, d) float32 and `categories` (n_steps, k) int32 hold the steps, sequence after sequence;
        `start` and `length` (n_sequences,) int64 say which are whose; `target` and `weight` are as a table has them;
        `row` is the place of each sequence in order of first appearance.
        """
        of_part = self.parts == part
        steps = of_part[self.steps.sequence_index]
        length = self.steps.length[of_part]
        weight = {} if self.weight is None else {"weight": self.weight[of_part]}
        return {
            "numeric": self.encoded.numeric[steps],
            "categories": self.encoded.categories[steps],
            "start": np.cumsum(length) - length,
            "length": length,
            "target": self.target[of_part],
            "row": np.flatnonzero(of_part),
            **weight,
        }

    def files(self) -> list[Arrays]:
        """Of train, validation and test; without validation sequences those of the test stand in for them."""
        stands_in = VALIDATION if bool((self.parts == VALIDATION).any()) else TEST
        return [self.tensors(part) for part in (TRAIN, stands_in, TEST)]


def split_by_sequence(params: SplitParams, schema: Schema, table: pl.DataFrame) -> SplitSequences:
    """
    Args:
        table: as prepare wrote it.

    Raises:
        InputError: as `assign_parts`; for a column that splits a sequence in two.
    """
    assert schema.sequence is not None
    steps = split_into_sequences(table, schema.sequence)
    params, choice = resolve_split(params, schema)
    columns = columns_to_split(params, schema)
    if schema.sequence.id is not None:
        _assert_whole(table, steps, columns, schema.sequence.id)
    each = schema.model_copy(update={"rows": steps.sequences.height})
    parts = assign_parts(params, steps.sequences, each)
    train = steps.rows.filter((parts == TRAIN)[steps.sequence_index])
    inputs = find_input_features(params, schema, [learn_levels(params, schema, train)])
    encoded, target = encode(steps.rows, inputs), encode_target(steps.sequences, schema)
    of_train = EncodedChunk(
        *_encoded_columns(encoded, parts[steps.sequence_index] == TRAIN), target[parts == TRAIN], None
    )
    features = _describe(each, inputs, steps, parts, of_train)
    report = _report(params, features, steps, parts, target).preceded_by(choice)
    weight = None if schema.weight is None else steps.sequences[schema.weight].cast(pl.Float32).to_numpy()
    return SplitSequences(steps, parts, features, report, encoded, target, weight)


def _assert_whole(table: pl.DataFrame, steps: SequenceSteps, columns: list[str], id_: str) -> None:
    problems = [
        each for name in columns for each in inconsistency_problems(table[name], table[id_], steps.sequence_index)
    ]
    if problems:
        raise InputError(*(f"split.column: {problem}" for problem in problems))


def _encoded_columns(encoded: EncodedFeatures, chosen_steps: np.ndarray) -> EncodedFeatures:
    """Some steps, column beside column."""
    return EncodedFeatures(*(np.ascontiguousarray(values[chosen_steps].T) for values in encoded))


def _describe(
    schema: Schema, inputs: InputFeatures, steps: SequenceSteps, parts: PartAssignment, train: EncodedChunk
) -> Features:
    """Numbers are described by steps, the target and the classes by sequences."""
    assert schema.sequence is not None
    rows = TrainStatistics(schema, inputs, parts[steps.sequence_index])
    rows.add(train, numeric_statistics(train))
    length = steps.length[parts == TRAIN]
    sequence = SequenceFeatures(columns=schema.sequence, n_steps=int(length.sum()), longest=int(length.max()))
    return rows.features().model_copy(update={"n_train": len(length), "sequence": sequence})


def _report(
    params: SplitParams, features: Features, steps: SequenceSteps, parts: PartAssignment, target: np.ndarray
) -> SplitReport:
    left_out = int((parts == NO_PART).sum())
    classes = features.classes or []
    counts = [count_classes(target[parts == part], len(classes)) for part in range(len(PARTS) if classes else 0)]
    missing = unseen_classes(classes, np.stack(counts)) if classes else []
    return SplitReport(
        rows={part: int((parts == index).sum()) for index, part in enumerate(PARTS)},
        left_out=left_out,
        notes=[
            *method_notes(params, left_out),
            *_duplicate_notes(features, steps, parts),
            *missing,
            *constant_columns(features),
        ],
    )


def _duplicate_notes(features: Features, steps: SequenceSteps, parts: PartAssignment) -> list[str]:
    """Different sequences that stand in more than one part, step for step."""
    seen = steps.rows.select(features.columns).hash_rows(seed=0).to_numpy()
    length = steps.length
    within = np.arange(len(seen)) - np.repeat(np.cumsum(length) - length, length)
    odd = 2 * within.astype(np.uint64) + np.uint64(1)  # the same steps in another order are another sequence
    hashes = np.zeros(len(length), dtype=np.uint64)
    np.add.at(hashes, steps.sequence_index, seen * odd)
    twins = count_shared_rows(hashes, parts)
    return [f"Sequences that stand in more than one part: {twins}; scores may be too good."] if twins else []


def split_sequences(params: SplitParams, schema: Schema, table: Path, files: SplitFiles) -> None:
    """Sequences stay whole."""
    rows = read_parquet(table)
    if rows.height != schema.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {schema.rows}; run `dvc repro`")
    done = split_by_sequence(params, schema, rows)
    for path, arrays in zip(files[:3], done.files(), strict=True):
        write_tensors(path, arrays)
    write_json(files.features, done.features)
    write_json(files.report, done.report)
