"""Categories of series: what a forecast reads of them, computed by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from relight.data.schema import Schema, SequenceParams
from relight.errors import InputError
from relight.prepare.params import PrepareParams, RequestedKind
from relight.prepare.series import regularize_series
from relight.split.assignment import TEST, TRAIN, VALIDATION
from relight.split.params import SplitParams
from relight.split.series import split_series
from relight.split.series_windows import MAX_COVARIATE_LEVELS, encode_part

SHARES = SplitParams(method="ordered", column=None, train=0.5, validation=0.25, test=0.25, seed=0)
DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(24)]


def prepared(columns: dict[str, list[str | None]], **requested: RequestedKind) -> tuple[pl.DataFrame, Schema]:
    """24 days, of which 12 train; `day` is known ahead."""
    table = pl.DataFrame({"date": DAYS, "y": np.arange(24.0), "day": "x", **columns})
    sequence = SequenceParams(time="date", length=2, horizon=1, known=["day"])
    params = PrepareParams(
        source="x.csv", target="y", task="forecast", ignore=[], sequence=sequence, columns=dict(requested)
    )
    return regularize_series(table, params)


def test_each_level_of_the_train_rows_is_a_channel_the_most_frequent_first() -> None:
    day = [*["b", "a", None, "c", "b", "c"] * 2, *["never seen", "a", None, "b"] * 3]
    rows, schema = prepared({"day": day, "sky": ["sun", "rain"] * 12})
    assert [(column.name, column.kind) for column in schema.columns] == [("day", "categorical"), ("sky", "categorical")]
    assert schema.series is not None
    features = split_series(SHARES, schema, schema.series, rows).features.series
    assert features is not None
    assert [(c.name, c.mean, c.std, c.known) for c in features.covariates] == [
        ("sky=rain", 0, 1, False), ("sky=sun", 0, 1, False),  # what is known ahead comes last
        ("day=b", 0, 1, True), ("day=c", 0, 1, True), ("day=a", 0, 1, True),
    ]  # fmt: skip
    parts = np.repeat([TRAIN, VALIDATION, TEST], [12, 6, 6]).astype(np.int8)
    test = encode_part(rows, "y", features, parts, TEST)["covariates"]
    assert test[:, 2:].tolist() == [  # the two days before the part, too: those of 16 "never seen", 17 "a"
        [0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0],
    ]  # fmt: skip
    assert test[:, :2].tolist() == [[0, 1], [1, 0]] * 4


def test_the_rarest_of_many_levels_have_no_channel_and_that_is_said() -> None:
    names = [f"n{row}" for row in range(23)]
    day = [*names, *names, *["n22"] * 2]
    table = pl.DataFrame({"date": [DAYS[0] + timedelta(days=d) for d in range(96)], "day": [*day, *day], "y": 1.0})
    sequence = SequenceParams(time="date", length=2, horizon=1)
    rows, schema = regularize_series(
        table, PrepareParams(source="x", target="y", task="forecast", ignore=[], sequence=sequence)
    )
    assert schema.series is not None
    done = split_series(SHARES, schema, schema.series, rows)
    assert done.features.series is not None
    found = [covariate.level for covariate in done.features.series.covariates]
    assert (len(found), found[0]) == (MAX_COVARIATE_LEVELS, "n22")
    assert "Column 'day' has 23 levels in the train rows; a forecast reads the 20 most frequent." in done.report.notes


def test_texts_that_differ_in_nearly_each_row_are_left_out_unless_they_are_asked_for() -> None:
    notes: list[str | None] = [f"remark {row}" if row % 3 else None for row in range(24)]
    rows, schema = prepared({"note": notes})
    assert "note" not in rows.columns
    assert schema.notes == ["Column 'note' has a different text in nearly every row; it is left out."]
    assert "note" in prepared({"note": notes}, note="categorical")[0].columns
    assert "day" not in prepared({}, day="ignore")[0].columns


def test_numbers_may_be_read_as_names() -> None:
    rows, schema = prepared({"day": [str(row % 7) for row in range(24)]}, day="categorical")
    assert rows["day"].dtype == pl.String
    assert schema.columns[0].kind == "categorical"


def test_kinds_of_columns_that_have_none_to_choose_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        prepared({}, dya="categorical", y="categorical")
    assert caught.value.problems == (
        "prepare.columns: 'dya' is not a column of x.csv; did you mean 'day'?",
        "prepare.columns: 'y' is the target, the time or the series, and its kind follows from that",
    )
