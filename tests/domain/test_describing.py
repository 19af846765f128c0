import numpy as np
import polars as pl
import pytest

from relight.domain.describing import describe, report_parts
from relight.domain.schema import Column, Schema
from relight.errors import InputError
from relight.params.split import SplitParams

TABLE = pl.DataFrame(
    {
        "a": [1.0, 3.0, None, 100.0, 200.0],
        "id": ["r1", "r2", "r3", "r4", "r5"],
        "c": ["u", "v", "u", "w", "w"],
        "flag": [True, False, True, None, True],
        "y": [0.0, 1.0, 2.0, 3.0, 4.0],
    }
)
KINDS = {"a": "numeric", "id": "ignored", "c": "categorical", "flag": "boolean"}
SCHEMA = Schema(
    rows=5,
    target="y",
    task="regression",
    classes=None,
    columns=[Column.model_validate({"name": name, "kind": kind}) for name, kind in KINDS.items()],
    generated=None,
    notes=[],
)
ORDERED = SplitParams(method="ordered", column=None, train=0.6, validation=0.2, test=0.2, seed=0)
BY_C = SplitParams(method="group", column="c", train=0.6, validation=0.2, test=0.2, seed=0)
THREE_TRAIN = np.array([0, 0, 0, 1, 2])


def test_features_are_described_by_the_train_rows_alone() -> None:
    features = describe(ORDERED, TABLE, SCHEMA, THREE_TRAIN)
    a, flag = features.numeric
    assert (a.name, a.mean, a.std, a.gaps) == ("a", 2, 1, 1)  # of 1, 3 and a gap
    assert (flag.name, flag.kind, flag.gaps) == ("flag", "boolean", 0)
    assert [(feature.name, feature.levels) for feature in features.categorical] == [("c", ["u", "v"])]
    assert features.n_train == 3
    # the target of the train rows is 0, 1, 2: mean 1, variance (1 + 0 + 1) / 3
    assert (features.target_mean, features.target_std) == (1, pytest.approx((2 / 3) ** 0.5))


def test_other_rows_change_no_byte_of_the_features() -> None:
    changed = TABLE.with_columns(
        a=pl.Series([1.0, 3.0, None, -5e6, None]),
        c=pl.Series(["u", "v", "u", "x", None]),
        y=pl.Series([0.0, 1.0, 2.0, 300.0, -4.0]),
    )
    before, after = (describe(ORDERED, table, SCHEMA, THREE_TRAIN) for table in (TABLE, changed))
    assert before.model_dump_json() == after.model_dump_json()


def test_ignored_columns_the_target_and_the_splitting_column_are_no_features() -> None:
    assert describe(ORDERED, TABLE, SCHEMA, THREE_TRAIN).names == ["a", "flag", "c"]
    assert describe(BY_C, TABLE, SCHEMA, THREE_TRAIN).names == ["a", "flag"]


def test_a_table_with_nothing_but_the_splitting_column_is_refused() -> None:
    alone = SCHEMA.model_copy(update={"columns": [Column(name="c", kind="categorical")]})
    with pytest.raises(InputError, match=r"split\.column: 'c' is the only column that the model could see"):
        describe(BY_C, TABLE, alone, THREE_TRAIN)


def test_the_test_rows_validate_only_where_nothing_else_does() -> None:
    assert not describe(ORDERED, TABLE, SCHEMA, THREE_TRAIN).test_rows_validate
    assert describe(ORDERED, TABLE, SCHEMA, np.array([0, 0, 0, 2, 2])).test_rows_validate


def test_the_report_counts_the_rows_of_each_part() -> None:
    features = describe(ORDERED, TABLE, SCHEMA, THREE_TRAIN)
    report = report_parts(TABLE, features, THREE_TRAIN)
    assert report.rows == {"train": 3, "validation": 1, "test": 1}
    assert report.notes == []


def test_the_report_says_how_many_different_rows_stand_in_more_than_one_part() -> None:
    # Of the model's view (a, c, flag, y): row 1 comes again twice in the test, row 2 once in train.
    table = TABLE[[0, 1, 2, 3, 4, 0, 0, 1]].with_columns(id=pl.Series([f"r{k}" for k in range(8)]))
    parts = np.array([0, 0, 0, 1, 2, 2, 2, 0])
    features = describe(ORDERED, table, SCHEMA, parts)
    assert report_parts(table, features, parts).notes == [
        "Rows that stand in more than one part: 1; scores may be too good."
    ]
