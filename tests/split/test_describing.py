from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from relight.data.features import Features
from relight.data.schema import Column, Schema
from relight.errors import InputError
from relight.split.description import describe_features
from relight.split.params import SplitParams
from relight.split.statistics import CHUNK_ROWS

TABLE = pl.DataFrame(
    {
        "a": [1.0, 3.0, None, 100.0, 200.0],
        "id": ["r1", "r2", "r3", "r4", "r5"],
        "c": ["u", "v", "u", "w", "w"],
        "flag": [True, False, True, None, True],
        "y": [1.0, 2.0, 3.0, -4.0, 5.0],
    }
)
KINDS = {"a": "numeric", "id": "ignored", "c": "categorical", "flag": "boolean"}
ORDERED = SplitParams(method="ordered", column=None, train=0.6, validation=0.2, test=0.2, seed=0)
BY_C = SplitParams(method="group", column="c", train=0.6, validation=0.2, test=0.2, seed=0)
THREE_TRAIN = np.array([0, 0, 0, 1, 2], dtype=np.int8)


def schema(kinds: dict[str, str] = KINDS, **changed: Any) -> Schema:
    columns = [Column.model_validate({"name": name, "kind": kind}) for name, kind in kinds.items()]
    usual = {"rows": 5, "target": "y", "targets": ["y"], "weight": None, "task": "regression", "classes": None}
    return Schema.model_validate({**usual, "columns": columns, "generated": None, "notes": [], **changed})


def described(table: pl.DataFrame, known: Schema | None = None, params: SplitParams = ORDERED) -> Features:
    return describe_features(params, known or schema(), THREE_TRAIN, [table])


def test_features_are_described_by_the_train_rows_alone() -> None:
    features = described(TABLE)
    a, flag = features.numeric
    assert (a.name, a.column, a.mean, a.std, a.low, a.high, a.gaps) == ("a", "a", 2, 1, 1, 3, 1)  # of 1, 3 and a gap
    assert a.quantiles == [1, 3]
    assert (flag.name, flag.kind, flag.gaps, flag.quantiles) == ("flag", "boolean", 0, [0, 1, 1])
    assert [(feature.name, feature.levels) for feature in features.categorical] == [("c", ["u", "v"])]
    assert (features.n_train, features.class_counts) == (3, None)


def test_the_target_is_described_by_the_train_rows_alone() -> None:
    # 1, 2, 3: mean 2, variance (1 + 0 + 1) / 3, no skew; logarithms 0, 0.693, 1.099
    statistics = described(TABLE).target_statistics
    assert statistics is not None
    assert (statistics.mean, statistics.std, statistics.skew) == (2, pytest.approx((2 / 3) ** 0.5), 0)
    logs = np.log([1, 2, 3])
    assert (statistics.log_mean, statistics.log_std) == (pytest.approx(logs.mean()), pytest.approx(logs.std()))


def test_other_rows_change_no_byte_of_the_features() -> None:
    changed = TABLE.with_columns(
        a=pl.Series([1.0, 3.0, None, -5e6, None]),
        c=pl.Series(["u", "v", "u", "x", None]),
        y=pl.Series([1.0, 2.0, 3.0, 300.0, -4.0]),
    )
    before, after = (described(table).model_dump_json() for table in (TABLE, changed))
    assert before == after


def test_ignored_columns_the_target_and_the_splitting_column_are_no_features() -> None:
    assert described(TABLE).names == ["a", "flag", "c"]
    assert described(TABLE, params=BY_C).names == ["a", "flag"]


def test_the_weights_are_no_feature() -> None:
    features = described(TABLE.with_columns(w=pl.Series([1.0] * 5)), schema(weight="w"))
    assert (features.weight, features.names) == ("w", ["a", "flag", "c"])


def test_a_table_with_nothing_but_the_splitting_column_is_refused() -> None:
    with pytest.raises(InputError, match=r"split\.column: 'c' is the only column that the model could see"):
        described(TABLE, schema({"c": "categorical"}), BY_C)


def test_the_test_rows_validate_only_where_nothing_else_does() -> None:
    assert not described(TABLE).validates_on_test
    parts = np.array([0, 0, 0, 2, 2], dtype=np.int8)
    assert describe_features(ORDERED, schema(), parts, [TABLE]).validates_on_test


def test_rows_that_a_gap_leaves_out_say_nothing() -> None:
    parts = np.array([0, 0, -1, -1, 2], dtype=np.int8)
    features = describe_features(ORDERED, schema(), parts, [TABLE])
    assert (features.n_train, features.numeric[0].gaps, features.numeric[0].high) == (2, 0, 3)


def test_classes_are_counted_in_their_order() -> None:
    table = TABLE.with_columns(y=pl.Series(["b", "a", "b", "c", "c"]))
    features = described(table, schema(task="multiclass", classes=["a", "b", "c"]))
    assert (features.class_counts, features.target_statistics) == ([1, 2, 0], None)
    table = TABLE.with_columns(y=pl.Series(["no", "no", "no", "yes", "no"]))
    assert described(table, schema(task="binary", classes=["no", "yes"])).class_counts == [3, 0]


def test_a_distribution_has_neither_counts_nor_statistics_of_the_target() -> None:
    table = TABLE.with_columns(p=pl.Series([0.5] * 5), q=pl.Series([0.5] * 5))
    known = schema(task="distribution", target="p,q", targets=["p", "q"], classes=["p", "q"])
    features = described(table, known)
    assert (features.targets, features.class_counts, features.target_statistics) == (["p", "q"], None, None)


def test_a_column_without_train_values_is_described_by_zeros() -> None:
    a = described(TABLE.with_columns(a=pl.Series([None, None, None, 1.0, 2.0]))).numeric[0]
    assert (a.mean, a.std, a.low, a.high, a.quantiles, a.gaps) == (0, 0, 0, 0, [], 3)


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        ([datetime(2024, 1, 1)] * 3 + [datetime(2024, 1, 1, 12)] * 2, ["year", "month", "weekday", "elapsed"]),
        ([datetime(2024, 1, 1, 12)] * 5, ["year", "month", "weekday", "hour", "elapsed"]),
    ],
    ids=["hours in other rows alone", "hours"],
)
def test_a_date_becomes_its_numbers_and_hours_only_where_train_has_some(
    times: list[datetime], parts: list[str]
) -> None:
    table, known = TABLE.with_columns(t=pl.Series(times)), schema({"a": "numeric", "t": "datetime", "c": "categorical"})
    features = described(table, known)
    assert features.names == ["a", *(f"t.{part}" for part in parts), "c"]
    assert features.columns == ["a", "t", "c"]
    assert [feature.date_part for feature in features.numeric] == [None, *parts]
    assert features.numeric[1].mean == 2024


def test_of_the_date_that_splits_only_what_comes_again_is_a_feature() -> None:
    table, known = TABLE.with_columns(t=pl.Series([datetime(2024, 1, 1)] * 5)), schema({**KINDS, "t": "datetime"})
    by_time = ORDERED.model_copy(update={"method": "time", "column": "t"})
    assert described(table, known, by_time).names == ["a", "flag", "t.weekday", "c"]


def test_a_column_with_the_name_of_a_number_of_a_date_is_refused() -> None:
    table = TABLE.with_columns(t=pl.Series([datetime(2024, 1, 1)] * 5)).rename({"a": "t.year"})
    with pytest.raises(InputError, match=r"column 't.year' has the name of the year of the date 't'; rename it"):
        described(table, schema({"t.year": "numeric", "t": "datetime"}))


def test_many_rows_agree_with_numpy_and_do_not_depend_on_the_pieces_in_memory() -> None:
    n_rows, generator = 2 * CHUNK_ROWS + 12_345, np.random.default_rng(0)
    values = generator.lognormal(sigma=2, size=n_rows)
    shops = generator.integers(0, 900, n_rows).astype(str)
    with_gaps = pl.Series(np.where(np.arange(n_rows) % 7 == 0, np.nan, values)).fill_nan(None)
    table = pl.DataFrame({"a": with_gaps, "c": shops, "y": values})
    parts = generator.integers(0, 3, n_rows).astype(np.int8)
    known = schema({"a": "numeric", "c": "categorical"}, rows=n_rows)
    chunks = list(table.iter_slices(CHUNK_ROWS))
    pieces = [pl.concat(list(chunk.iter_slices(99_999)), rechunk=False) for chunk in chunks]
    features = describe_features(ORDERED, known, parts, chunks)
    assert describe_features(ORDERED, known, parts, pieces) == features
    train = values.astype(np.float32)[(parts == 0) & (np.arange(n_rows) % 7 != 0)].astype(np.float64)
    a = features.numeric[0]
    assert (a.low, a.high) == (train.min(), train.max())
    assert (a.mean, a.std) == (pytest.approx(train.mean(), rel=1e-12), pytest.approx(train.std(), rel=1e-11))
    assert a.gaps == int(((parts == 0) & (np.arange(n_rows) % 7 == 0)).sum())
    assert features.categorical[0].levels == sorted(set(table["c"].filter(pl.Series(parts == 0))))


@pytest.mark.parametrize(
    ("names", "levels"),
    [
        (["u", None, "v", "w", None], ["u", "v", ""]),  # a gap of a train row is a level, after the names
        (["u", "v", "u", None, None], ["u", "v"]),  # gaps of other rows are not
        ([None, None, None, "w", None], []),  # no name tells anything, nor does its absence
        (["v", None, None, "w", None], ["v", ""]),
    ],
)
def test_a_gap_is_a_level_if_train_rows_have_gaps_and_names(names: list[str | None], levels: list[str]) -> None:
    assert described(TABLE.with_columns(c=pl.Series(names))).categorical[0].levels == levels
    in_chunks = [TABLE.with_columns(c=pl.Series(names))[k : k + 1] for k in range(5)]
    assert describe_features(ORDERED, schema(), THREE_TRAIN, in_chunks).categorical[0].levels == levels
