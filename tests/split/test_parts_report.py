from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relight.data.schema import Column, Schema
from relight.split import report
from relight.split.description import describe_features
from relight.split.params import SplitParams
from relight.split.report import SplitReport, count_shared_rows, report_split

TABLE = pl.DataFrame(
    {
        "a": [1.0, 3.0, None, 100.0, 200.0],
        "id": ["r1", "r2", "r3", "r4", "r5"],
        "c": ["u", "v", "u", "u", "v"],
        "flag": [True, False, True, None, True],
        "y": ["no", "yes", "no", "yes", "no"],
    }
)
KINDS = {"a": "numeric", "id": "ignored", "c": "categorical", "flag": "boolean"}
ORDERED = SplitParams(method="ordered", column=None, train=0.6, validation=0.2, test=0.2, seed=0)
THREE_TRAIN = [0, 0, 0, 1, 2]


def reported(
    table: pl.DataFrame, sides: list[int] = THREE_TRAIN, params: SplitParams = ORDERED, **changed: Any
) -> SplitReport:
    columns = [Column.model_validate({"name": name, "kind": kind}) for name, kind in KINDS.items()]
    usual = {"target": "y", "targets": ["y"], "weight": None, "task": "binary", "classes": ["no", "yes"]}
    known = Schema.model_validate(
        {**usual, "rows": table.height, "columns": columns, "generated": None, "notes": [], **changed}
    )
    parts = np.array(sides, dtype=np.int8)
    chunks = list(table.iter_slices(2))
    return report_split(params, known, describe_features(params, known, parts, chunks), parts, chunks)


def test_the_report_counts_the_rows_of_each_part() -> None:
    report = reported(TABLE)
    assert report.rows == {"train": 3, "validation": 1, "test": 1}
    assert (report.left_out, report.notes) == (0, [])


def test_the_report_says_how_many_different_rows_stand_in_more_than_one_part() -> None:
    # Of the model's view (a, c, flag, y): row 1 comes again twice in the test, row 2 once in train.
    table = TABLE[[0, 1, 2, 3, 4, 0, 0, 1]].with_columns(id=pl.Series([f"r{k}" for k in range(8)]))
    assert reported(table, [0, 0, 0, 1, 2, 2, 2, 0]).notes == [
        "Rows that stand in more than one part: 1; scores may be too good."
    ]


def test_rows_that_differ_in_their_gap_alone_are_no_twins() -> None:
    table = pl.concat([TABLE, TABLE[[1]].with_columns(a=None)])
    assert reported(table, [0, 0, 0, 1, 2, 2]).notes == []


def test_over_some_number_of_rows_nobody_looks_for_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "MAX_ROWS_FOR_DUPLICATES", 4)
    assert reported(TABLE[:4].extend(TABLE[[0]])).notes == [
        "Whether rows stand in more than one part was not looked at: the table has over 4 rows."
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 2)), min_size=1, max_size=60))
def test_twins_are_counted_once_however_often_and_wherever_they_come(rows: list[tuple[int, int]]) -> None:
    rows = [*rows, (0, 0)]
    spread = 2**62 + 4  # so that the hashes use all bits, and differ in more than the last two
    hashes, parts = np.array([k * spread % 2**64 for k, _ in rows], dtype=np.uint64), np.array([p for _, p in rows])
    sides = {k: {part for other, part in rows if other == k and part >= 0} for k, _ in rows}
    assert count_shared_rows(hashes, parts.astype(np.int8)) == sum(len(parts) > 1 for parts in sides.values())


def test_rows_in_a_gap_are_counted_and_are_nobodys_twins() -> None:
    table = pl.concat([TABLE, TABLE[[0]]])
    report = reported(table, [0, 0, 0, 1, 2, -1], ORDERED.model_copy(update={"gap": 1}))
    assert (report.left_out, sum(report.rows.values())) == (1, 5)
    assert report.notes == ["Rows left out between the parts: 1 (split.gap is 1)."]


def test_the_report_names_the_fold() -> None:
    notes = reported(TABLE, params=ORDERED.model_copy(update={"folds": 5, "fold": 3})).notes
    assert notes == ["The test rows are fold 3 of the folds 0 to 4."]


def test_classes_that_train_lacks_are_named_with_the_test_rows_that_ask_for_them() -> None:
    table = TABLE.with_columns(y=pl.Series(["a", "b", "a", "c", "d"]))
    assert reported(table, task="multiclass", classes=["a", "b", "c", "d"]).notes == [
        "2 classes have no train rows ('c', 'd'); the model cannot learn them; test rows that ask for them: 1."
    ]
    one = TABLE.with_columns(y=pl.Series(["a", "b", "a", "c", "c"]))
    assert reported(one, task="multiclass", classes=["a", "b", "c"]).notes == [
        "Class 'c' has no train rows; the model cannot learn it; test rows that ask for it: 1."
    ]


def test_many_classes_that_train_lacks_are_one_line() -> None:
    table = pl.concat([TABLE] * 12).with_columns(y=pl.Series(["a"] * 8 + [f"k{k:02}" for k in range(52)]))
    classes = sorted(set(table["y"]))
    notes = reported(table, [0] * 8 + [2] * 52, task="multiclass", classes=classes).notes
    assert [note for note in notes if "lass" in note] == [
        "52 classes have no train rows ('k00', 'k01', 'k02', 'k03', 'k04' and 47 more); the model cannot learn them; "
        "test rows that ask for them: 52."
    ]


def test_test_rows_with_new_categories_are_counted_for_each_column() -> None:
    table = pl.concat([TABLE, TABLE[:3]]).with_columns(c=pl.Series(["u", "v", "u", "w", "w", "x", None, "v"]))
    assert reported(table, [0, 0, 0, 1, 2, 2, 2, 2]).notes[-1] == (
        "Test rows with a category that no train row has: 2 of 'c'; the model does not know it."
    )


def test_columns_of_which_train_says_nothing_are_named() -> None:
    table = TABLE.with_columns(
        a=pl.Series([None, None, None, 1.0, 2.0]),
        c=pl.Series([None, None, None, "u", None]),
        flag=pl.Series([True] * 5),
    )
    assert reported(table, classes=["no", "yes"]).notes == [
        "Columns without a value in the train rows: 'a', 'c'; they tell the model nothing.",
        "Columns with one value in all train rows: 'flag'; they tell the model nothing.",
    ]


def test_a_distribution_has_no_classes_to_miss() -> None:
    table = TABLE.with_columns(p=pl.Series([0.0] * 5), q=pl.Series([1.0] * 5))
    known: dict[str, Any] = {"task": "distribution", "target": "p,q", "targets": ["p", "q"], "classes": ["p", "q"]}
    assert reported(table, **known).notes == []
