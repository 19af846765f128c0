import polars as pl

from relight.data.schema import SequenceParams
from relight.split.sequences import split_into_sequences


def test_rows_of_one_id_stand_together() -> None:
    table = pl.DataFrame({"id": ["b", "b", "a", "c", "c", "c"], "x": [1, 2, 3, 4, 5, 6]})
    rows, sequences, place = steps = split_into_sequences(table, SequenceParams(id="id", time="x"))
    assert rows.equals(table)
    assert sequences["x"].to_list() == [1, 3, 4]
    assert place.tolist() == [0, 0, 1, 2, 2, 2]
    assert steps.length.tolist() == [2, 1, 3]


def test_each_character_is_a_step() -> None:
    steps = split_into_sequences(pl.DataFrame({"text": ["añ", "b", "cde"]}), SequenceParams(symbols="text"))
    assert steps.rows["text"].to_list() == ["a", "ñ", "b", "c", "d", "e"]
    assert steps.length.tolist() == [2, 1, 3]
