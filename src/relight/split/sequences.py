"""Whole sequences to tensors.

A clean table whose rows make sequences → its steps, and a row for each sequence.

Sequences are shared out whole between the parts, and described by the steps of the train sequences alone.

split, for a table whose rows make sequences: all of it is in memory.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features, Inputs, SequenceFeatures
from relight.data.groups import differing
from relight.data.parquet import read_parquet
from relight.data.schema import Schema, SequenceParams
from relight.data.tensors import write_tensors
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.assignment import LEFT_OUT, PARTS, TEST, TRAIN, VALIDATION, Parts, assign_parts, settle_split
from relight.split.columns import columns_to_split
from relight.split.description import TrainRows, count_classes, find_inputs, learn, statistics_of_numbers
from relight.split.encoding import Encoded, EncodedChunk, encode, encode_target
from relight.split.files import Files
from relight.split.params import SplitParams
from relight.split.report import PartsReport, chosen, count_twins, silent, untaught

Arrays = dict[str, np.ndarray]


class Steps(NamedTuple):
    """
    Attributes:
        rows: a row for each step, sequence after sequence.
        sequences: a row for each sequence: of its first step, whose target and part are those of all.
        place: int64, (n_steps,), of each step's sequence.
    """

    rows: pl.DataFrame
    sequences: pl.DataFrame
    place: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Steps of each sequence, int64, (n_sequences,)."""
        return np.bincount(self.place, minlength=self.sequences.height).astype(np.int64)


def steps_of(table: pl.DataFrame, sequence: SequenceParams) -> Steps:
    """
    Args:
        table: as prepare wrote it: the rows of a sequence stand together.
    """
    if sequence.symbols is not None:
        return _characters(table, sequence.symbols)
    ids = table[str(sequence.id)]
    starts = (ids != ids.shift()).fill_null(value=True).to_numpy()
    return Steps(table, table.filter(starts), np.cumsum(starts, dtype=np.int64) - 1)


def _characters(table: pl.DataFrame, symbols: str) -> Steps:
    characters = table[symbols].cast(pl.String).str.split("")
    place = np.repeat(np.arange(table.height), characters.list.len().to_numpy())
    return Steps(characters.explode().to_frame(), table, place)


class SplitSequences(NamedTuple):
    """
    Attributes:
        parts: the part of each sequence, int8, (n_sequences,), as `assign_parts` gives it.
        features: what the train sequences say.
        report: in which each row is a sequence.
        encoded: each step.
        target, weight: of each sequence.
    """

    steps: Steps
    parts: Parts
    features: Features
    report: PartsReport
    encoded: Encoded
    target: np.ndarray
    weight: np.ndarray | None

    def tensors(self, part: int) -> Arrays:
        """The sequences of one part.

        `numeric` (n_steps, d) float32 and `categories` (n_steps, k) int32 hold the steps, sequence after sequence;
        `start` and `length` (n_sequences,) int64 say which are whose; `target` and `weight` are as a table has them;
        `row` is the place of each sequence in order of first appearance.
        """
        of_part = self.parts == part
        steps = of_part[self.steps.place]
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
    steps = steps_of(table, schema.sequence)
    params, choice = settle_split(params, schema)
    columns = columns_to_split(params, schema)
    if schema.sequence.id is not None:
        _assert_whole(table, steps, columns, schema.sequence.id)
    each = schema.model_copy(update={"rows": steps.sequences.height})
    parts = assign_parts(params, steps.sequences, each)
    train = steps.rows.filter((parts == TRAIN)[steps.place])
    inputs = find_inputs(params, schema, [learn(params, schema, train)])
    encoded, target = encode(steps.rows, inputs), encode_target(steps.sequences, schema)
    of_train = EncodedChunk(*_columns_of(encoded, parts[steps.place] == TRAIN), target[parts == TRAIN], None)
    features = _describe(each, inputs, steps, parts, of_train)
    report = _report(params, features, steps, parts, target).preceded_by(choice)
    weight = None if schema.weight is None else steps.sequences[schema.weight].cast(pl.Float32).to_numpy()
    return SplitSequences(steps, parts, features, report, encoded, target, weight)


def _assert_whole(table: pl.DataFrame, steps: Steps, columns: list[str], id_: str) -> None:
    problems = [each for name in columns for each in differing(table[name], table[id_], steps.place)]
    if problems:
        raise InputError(*(f"split.column: {problem}" for problem in problems))


def _columns_of(encoded: Encoded, chosen_steps: np.ndarray) -> Encoded:
    """Some steps, column beside column."""
    return Encoded(*(np.ascontiguousarray(values[chosen_steps].T) for values in encoded))


def _describe(schema: Schema, inputs: Inputs, steps: Steps, parts: Parts, train: EncodedChunk) -> Features:
    """Numbers are described by steps, the target and the classes by sequences."""
    assert schema.sequence is not None
    rows = TrainRows(schema, inputs, parts[steps.place])
    rows.add(train, statistics_of_numbers(train))
    length = steps.length[parts == TRAIN]
    sequence = SequenceFeatures(columns=schema.sequence, n_steps=int(length.sum()), longest=int(length.max()))
    return rows.features().model_copy(update={"n_train": len(length), "sequence": sequence})


def _report(params: SplitParams, features: Features, steps: Steps, parts: Parts, target: np.ndarray) -> PartsReport:
    left_out = int((parts == LEFT_OUT).sum())
    classes = features.classes or []
    counts = [count_classes(target[parts == part], len(classes)) for part in range(len(PARTS) if classes else 0)]
    missing = untaught(classes, np.stack(counts)) if classes else []
    return PartsReport(
        rows={part: int((parts == index).sum()) for index, part in enumerate(PARTS)},
        left_out=left_out,
        notes=[*chosen(params, left_out), *_twins(features, steps, parts), *missing, *silent(features)],
    )


def _twins(features: Features, steps: Steps, parts: Parts) -> list[str]:
    """Different sequences that stand in more than one part, step for step."""
    seen = steps.rows.select(features.columns).hash_rows(seed=0).to_numpy()
    length = steps.length
    within = np.arange(len(seen)) - np.repeat(np.cumsum(length) - length, length)
    odd = 2 * within.astype(np.uint64) + np.uint64(1)  # the same steps in another order are another sequence
    hashes = np.zeros(len(length), dtype=np.uint64)
    np.add.at(hashes, steps.place, seen * odd)
    twins = count_twins(hashes, parts)
    return [f"Sequences that stand in more than one part: {twins}; scores may be too good."] if twins else []


def split_sequences(params: SplitParams, known: Schema, table: Path, files: Files) -> None:
    """Sequences stay whole."""
    rows = read_parquet(table)
    if rows.height != known.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {known.rows}; run `dvc repro`")
    done = split_by_sequence(params, known, rows)
    for path, arrays in zip(files[:3], done.files(), strict=True):
        write_tensors(path, arrays)
    write_json(files.features, done.features)
    write_json(files.report, done.report)
