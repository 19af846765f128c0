"""Rows that are steps of sequences: ordered, and refused if their order or label would be unknown."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.data.schema import SequenceParams
from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.sequences import clean_sequences, order_new_steps

STEPS = pl.DataFrame(
    {
        "who": ["b", "a", "b", "a", "c"],
        "t": [2, 1, 1, 0, 5],
        "x": [1.5, 2.5, 3.5, 4.5, 5.5],
        "y": ["yes", "no", "yes", "no", "no"],
    }
)


def params_for(**changes: Any) -> PrepareParams:
    given = {"source": "steps.csv", "target": "y", "task": "auto", "ignore": []}
    return PrepareParams(**{**given, "sequence": SequenceParams(id="who", time="t"), **changes})


def test_sequences_come_in_order_of_first_appearance_and_their_steps_by_time() -> None:
    clean = clean_sequences(STEPS, params_for())
    assert clean.rows["who"].to_list() == ["b", "b", "a", "a", "c"]
    assert clean.rows["x"].to_list() == [3.5, 1.5, 4.5, 2.5, 5.5]
    assert (clean.schema.rows, clean.schema.task, clean.schema.classes) == (5, "binary", ["no", "yes"])
    assert [column.name for column in clean.schema.features] == ["x"]
    assert clean.schema.sequence == SequenceParams(id="who", time="t")
    assert clean.schema.notes[0] == "5 rows are 3 sequences of 1 to 2 steps."


def test_sequences_are_not_ranked() -> None:
    with pytest.raises(InputError, match=r"prepare\.task: ranking is only for tables of independent rows"):
        clean_sequences(STEPS, params_for(task="ranking", query="who"))


def test_a_csv_is_ordered_by_its_numbers_and_dates_not_by_their_texts() -> None:
    texts = STEPS.with_columns(t=pl.Series(["10", "9", "2", "10", "1"]))
    assert clean_sequences(texts, params_for()).rows["x"].to_list() == [3.5, 1.5, 2.5, 4.5, 5.5]
    dates = STEPS.with_columns(t=pl.Series(["2024-01-03", "2024-01-02", "2024-01-01", "2024-01-10", "2024-01-01"]))
    assert clean_sequences(dates, params_for()).rows["x"].to_list() == [3.5, 1.5, 2.5, 4.5, 5.5]


def test_the_task_follows_from_the_sequences_not_from_their_steps() -> None:
    """30 sequences of 40 steps with 15 different numbers: too few for classes, as 30 rows of a table are."""
    table = pl.DataFrame({"who": [k // 40 for k in range(1200)], "t": [k % 40 for k in range(1200)]})
    table = table.with_columns(x=pl.col("t") * 0.5, y=pl.col("who") // 2)
    assert clean_sequences(table, params_for()).schema.task == "regression"


@pytest.mark.parametrize(
    ("change", "changes", "problem"),
    [
        ({"t": [1, 1, 1, 0, 5]}, {}, "steps.csv: id and time must name each row once, got who 'b' with t 1 in "
         "rows 1 and 3; delete one of them, or correct its time"),
        ({"y": ["yes", "no", "no", "no", "no"]}, {}, "steps.csv: target 'y' must be the same in all rows of a "
         "sequence, got 'yes' and 'no' for who 'b'; give each sequence one value"),
        ({"who": ["b", None, "b", "a", "c"]}, {}, r"steps.csv: id 'who' has 1 missing value \(row 2\)"),
        ({"t": [1, 1, None, 0, None]}, {}, r"steps.csv: time 't' has 2 missing values \(row 3, 5\)"),
        ({"t": ["early", "late", "a", "b", "c"]}, {}, "time 't' must hold numbers or dates, got 'early'"),
        ({"y": ["yes", None, "yes", None, "no"]}, {}, "steps.csv: target 'y' must have a value in some row of each "
         "sequence, got none for who 'a'; drop these rows, or fill it in"),
        ({}, {"sequence": SequenceParams(id="whom", time="t")}, "prepare.sequence.id: 'whom' is not a column of "
         "steps.csv; did you mean 'who'"),
        ({}, {"sequence": SequenceParams(id="who", time="y")}, "prepare.sequence.time: must be another column, got "
         "'y', which is the target"),
        ({}, {"target": ["x", "y"], "task": "distribution"}, "prepare.task: a distribution is only for tables"),
        ({}, {"weight": "x"}, "'x' must be the same in all rows of a sequence, got '1.5' and '3.5' for who 'b'"),
    ],
)  # fmt: skip
def test_steps_without_an_order_or_a_label_are_refused(
    change: dict[str, list[object]], changes: dict[str, Any], problem: str
) -> None:
    table = STEPS.with_columns(pl.Series(name, values) for name, values in change.items())
    if "weight" in changes:
        table = table.with_columns(other=pl.Series([1, 2, 3, 4, 5]))
    with pytest.raises(InputError, match=problem):
        clean_sequences(table, params_for(**changes))


def test_all_problems_are_said_at_once() -> None:
    table = STEPS.with_columns(t=pl.Series([1, 1, 1, 0, 5]), y=pl.Series(["yes", "no", "no", "no", "no"]))
    with pytest.raises(InputError) as raised:
        clean_sequences(table, params_for())
    assert len(raised.value.problems) == 2


def test_a_label_in_one_row_is_that_of_the_whole_sequence() -> None:
    table = STEPS.with_columns(y=pl.Series(["yes", None, None, "no", "no"]))
    clean = clean_sequences(table, params_for())
    assert clean.rows.equals(clean_sequences(STEPS, params_for()).rows)
    said = "Target 'y' has no value in 2 rows; it is that of the other rows of its sequence."
    assert said in clean.schema.notes
    numbers = STEPS.with_columns(y=pl.Series([1.5, np.nan, np.nan, 2.5, 3.5]))  # as a Parquet of another program
    assert clean_sequences(numbers, params_for(task="regression")).rows["y"].to_list() == [1.5, 1.5, 2.5, 2.5, 3.5]


def test_sequences_of_several_labels_are_named_before_the_task_is_doubted() -> None:
    """The first rows have two classes; a third one is in the middle of some sequences."""
    many = pl.DataFrame({"who": [k // 3 for k in range(60)], "t": [k % 3 for k in range(60)], "x": [0.5] * 60})
    labels = [("ABC"[k % 3] if k // 3 >= 13 else "AB"[k // 3 % 2]) for k in range(60)]
    with pytest.raises(InputError) as raised:
        clean_sequences(many.with_columns(x=pl.col("t") * 0.5, y=pl.Series(labels)), params_for())
    assert raised.value.problems == (
        "steps.csv: target 'y' must be the same in all rows of a sequence, got 'A' and 'B' for who '13', '14', '15', "
        "'16', '17' and 2 more; give each sequence one value, or name another column in prepare.target",
    )


def test_names_of_sequences_are_no_classes() -> None:
    table = pl.DataFrame({"who": [k // 2 for k in range(60)], "t": [k % 2 for k in range(60)], "x": range(60)})
    table = table.with_columns(y=pl.format("name {}", "who"))
    with pytest.raises(InputError, match="target 'y', one value for each sequence, has a different value in every row"):
        clean_sequences(table, params_for())


SYMBOLS = pl.DataFrame({"dna": ["ACGT", "TT", "G"], "note": ["n", "n", "m"], "y": ["a", "b", "a"]})


def test_symbols_are_texts_of_which_each_is_a_sequence() -> None:
    clean = clean_sequences(SYMBOLS, params_for(sequence=SequenceParams(symbols="dna")))
    assert [column.name for column in clean.schema.features] == ["dna"]
    assert clean.schema.notes == ["Each row is a sequence of 1 to 4 characters of 'dna'."]
    digits = SYMBOLS.with_columns(dna=pl.Series(["0101", "11", "0"]))  # no number, whatever it looks like
    assert clean_sequences(digits, params_for(sequence=SequenceParams(symbols="dna"))).rows["dna"][0] == "0101"


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["ACGT", None, "G"], r"column 'dna' has 1 missing value \(row 2\)"),
        ([1, 2, 3], "'dna' must hold texts, got type Int64"),
    ],
)
def test_a_sequence_without_symbols_is_refused(texts: list[object], problem: str) -> None:
    table = SYMBOLS.with_columns(pl.Series("dna", texts))
    with pytest.raises(InputError, match=problem):
        clean_sequences(table, params_for(sequence=SequenceParams(symbols="dna")))


def test_new_sequences_are_ordered_in_the_same_way() -> None:
    ids, order = order_new_steps(STEPS.drop("y"), SequenceParams(id="who", time="t"), "new.csv")
    assert (ids.to_list(), order.tolist()) == (["b", "a", "b", "a", "c"], [2, 0, 3, 1, 4])
    with pytest.raises(InputError, match=r"new\.csv: column 'whom' is missing; did you mean 'who'"):
        order_new_steps(STEPS, SequenceParams(id="whom", time="t"), "new.csv")
    with pytest.raises(InputError, match=r"new\.csv: id and time must name each row once"):
        order_new_steps(pl.concat([STEPS, STEPS]), SequenceParams(id="who", time="t"), "new.csv")
