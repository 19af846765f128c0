"""Sequences stay whole, and only the train sequences describe them."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.data.schema import Schema, SequenceParams
from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.sequences import clean_sequences
from relight.split.assignment import TEST, TRAIN, VALIDATION
from relight.split.params import SplitParams
from relight.split.sequences import SplitSequences, split_by_sequence

LENGTHS = [3, 1, 2, 4, 1, 2, 3, 2, 1, 5]
PARTS = ["train", "train", "val", "test", "train", "train", "test", "train", "val", "train"]


def table_of_steps() -> pl.DataFrame:
    """Ten sequences: x counts the steps of all, colour is the parity of the step, y that of the sequence."""
    who = np.repeat(np.arange(10), LENGTHS)
    t = np.concatenate([np.arange(n) for n in LENGTHS])
    table = pl.DataFrame({"who": who, "t": t, "x": np.arange(len(who)) * 1.0, "split": np.array(PARTS)[who]})
    colour = pl.when(pl.col("t") % 2 == 0).then(pl.lit("red")).otherwise(pl.lit("green"))
    return table.with_columns(colour=colour, y=pl.format("class {}", pl.col("who") % 2))


def split_table(table: pl.DataFrame, split: dict[str, Any] | None = None, **prepare: Any) -> SplitSequences:
    given = {"source": "t.csv", "target": "y", "task": "auto", "ignore": []}
    sequence = SequenceParams(id="who", time="t")
    clean = clean_sequences(table, PrepareParams(**{**given, "sequence": sequence, **prepare}))
    shares = {"method": "auto", "column": None, "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1}
    assert clean.schema.sequence is not None
    return split_by_sequence(
        SplitParams(**{**shares, **(split or {})}), clean.schema, clean.schema.sequence, clean.rows
    )


def test_the_tensors_of_a_part_are_the_steps_of_its_sequences() -> None:
    done = split_table(table_of_steps())
    validation = done.tensors(VALIDATION)
    assert validation["row"].tolist() == [2, 8]
    assert validation["length"].tolist() == [2, 1]
    assert validation["start"].tolist() == [0, 2]
    assert validation["numeric"].tolist() == [[4], [5], [18]]
    assert validation["categories"].tolist() == [[2], [1], [2]]  # green, red: in the order of texts
    assert validation["target"].tolist() == [[0], [0]]
    assert {name: array.dtype.name for name, array in validation.items()} == {
        "numeric": "float32", "categories": "int32", "start": "int64", "length": "int64", "target": "float32",
        "row": "int64",
    }  # fmt: skip


def test_every_sequence_stands_in_one_part_whole() -> None:
    done = split_table(table_of_steps(), {"method": "random"})
    found = [done.tensors(part) for part in (TRAIN, VALIDATION, TEST)]
    assert sorted(np.concatenate([part["row"] for part in found]).tolist()) == list(range(10))
    assert [len(part["row"]) for part in found] == [6, 2, 2]
    for part in found:
        assert part["length"].tolist() == [LENGTHS[row] for row in part["row"]]
        assert len(part["numeric"]) == part["length"].sum()


def test_the_train_sequences_alone_describe_the_features() -> None:
    features = split_table(table_of_steps()).features
    train = np.repeat(np.array(PARTS) == "train", LENGTHS)
    x = np.arange(len(train))[train]
    (number,) = features.numeric
    assert (number.mean, number.low, number.high) == (pytest.approx(x.mean()), x.min(), x.max())
    assert number.std == pytest.approx(x.std())
    assert (features.n_train, features.class_counts) == (6, [2, 4])  # sequences, not steps
    assert features.sequence is not None
    assert (features.sequence.n_steps, features.sequence.longest) == (14, 5)


def test_other_test_sequences_describe_the_features_as_before() -> None:
    table = table_of_steps()
    changed = table.with_columns(x=pl.when(pl.col("split") == "test").then(1e6).otherwise("x"))
    assert split_table(changed).features == split_table(table).features


def test_labels_are_shared_out_by_sequences() -> None:
    done = split_table(table_of_steps().drop("split"))
    assert done.report.notes[0] == "split.method: auto chose stratified: binary."
    for part, count in ((TRAIN, 3), (VALIDATION, 1), (TEST, 1)):
        assert done.tensors(part)["target"].sum() == count == (1 - done.tensors(part)["target"]).sum()


def test_a_part_that_cuts_a_sequence_is_refused() -> None:
    table = table_of_steps().with_row_index().with_columns(
        split=pl.when(pl.col("index") == 0).then(pl.lit("test")).otherwise("split")
    )  # fmt: skip
    rule = "split.column: 'split' must be the same in all rows of a sequence, got 'test' and 'train' for who '0'"
    with pytest.raises(InputError, match=rule):
        split_table(table.drop("index"))


def test_a_split_column_that_a_table_of_symbols_lacks_is_refused() -> None:
    table = pl.DataFrame({"dna": ["ACGT", "TT"] * 5, "y": ["a", "b"] * 5})
    with pytest.raises(InputError, match=r"split\.column: 'who' is not a column"):
        split_table(table, {"method": "group", "column": "who"}, sequence=SequenceParams(symbols="dna"))


def test_sequences_that_stand_in_two_parts_are_counted() -> None:
    table = table_of_steps()
    twin = table.filter(pl.col("who") == 0).with_columns(who=pl.lit(10), split=pl.lit("test"))
    turned = twin.with_columns(x=pl.col("x").reverse(), who=pl.lit(11))  # another sequence
    report = split_table(pl.concat([table, twin.cast(table.schema), turned.cast(table.schema)])).report
    assert "Sequences that stand in more than one part: 1; scores may be too good." in report.notes
    assert report.rows == {"train": 6, "validation": 2, "test": 4}


def test_without_validation_sequences_the_test_ones_stand_in() -> None:
    done = split_table(table_of_steps(), {"method": "ordered", "train": 0.8, "validation": 0.0})
    train, validation, test = done.files()
    assert validation["row"].tolist() == test["row"].tolist() == [8, 9]
    assert train["row"].tolist() == list(range(8))
    assert done.features.validates_on_test


def test_the_alphabet_is_that_of_the_train_rows() -> None:
    texts = pl.DataFrame({"dna": ["ACA", "GA", "TX", "C", "AG"], "y": ["a", "b", "a", "b", "b"]})
    texts = texts.with_columns(split=pl.Series(["train", "train", "test", "train", "val"]))
    done = split_table(texts, sequence=SequenceParams(symbols="dna"))
    assert done.features.categorical[0].levels == ["A", "C", "G"]
    assert done.tensors(TRAIN)["categories"].reshape(-1).tolist() == [1, 2, 1, 3, 1, 2]
    assert done.tensors(TEST)["categories"].reshape(-1).tolist() == [0, 0]  # unknown
    assert done.features.sequence is not None
    assert done.features.sequence.longest == 3


def test_weights_and_numbers_as_targets_are_those_of_the_sequences() -> None:
    table = table_of_steps().with_columns(y=pl.col("who") * 1.5, w=pl.col("who") + 1.0)
    done = split_table(table, weight="w")
    assert done.tensors(VALIDATION)["weight"].tolist() == [3, 9]
    assert done.tensors(VALIDATION)["target"].tolist() == [[3], [12]]
    assert done.features.target_statistics is not None
    assert done.features.target_statistics.mean == pytest.approx(np.mean([0, 1, 4, 5, 7, 9]) * 1.5)


def test_a_schema_without_sequences_is_written_as_before() -> None:
    known = split_table(table_of_steps()).features
    assert "sequence" in known.model_dump()
    plain = Schema(
        rows=1, target="y", targets=["y"], weight=None, task="regression", classes=None, columns=[], generated=None,
        notes=[],
    )  # fmt: skip
    assert "sequence" not in plain.model_dump()
    assert "sequence" not in known.model_copy(update={"sequence": None}).model_dump()
