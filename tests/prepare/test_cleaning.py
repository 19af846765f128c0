from typing import Any

import polars as pl
import pytest

from relight.data.schema import Column, Schema
from relight.data.text_format import TextFormat
from relight.errors import InputError
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.plain.tables import plain_frame
from relight.prepare.table import TableCleaner, clean_table


def params(**changed: Any) -> PrepareParams:
    return PrepareParams(**{"source": "t.csv", "target": "y", "task": "auto", "ignore": [], **changed})


def test_columns_keep_their_order_and_the_target_comes_last() -> None:
    raw = pl.DataFrame({"y": ["1.5", "2"], "c": ["a", "NA"], "when": ["2020-01-31", ""], "x": ["1", ""]})
    clean = clean_table(plain_frame(raw, TextFormat()), params(ignore=["when"]))
    assert clean.schema.columns == [
        Column(name="c", kind="categorical"),
        Column(name="when", kind="ignored"),
        Column(name="x", kind="numeric"),
    ]
    assert clean.rows.columns == ["c", "when", "x", "y"]
    assert clean.rows.rows() == [("a", "2020-01-31", 1.0, 1.5), (None, None, None, 2.0)]  # ignored: a text
    assert (clean.schema.task, clean.schema.rows, clean.schema.generated) == ("regression", 2, None)


def test_everything_wrong_with_the_columns_is_told_at_once() -> None:
    raw = pl.DataFrame({"when": ["31.01.2020"] * 2, "z": ["1", "inf"], "yy": ["1", "2"]})
    with pytest.raises(InputError) as caught:
        clean_table(raw, params(ignore=["y", "zz"]))
    assert caught.value.problems == (
        "prepare.target: 'y' is not a column of t.csv; did you mean 'yy'?",
        "prepare.ignore: 'y' is the target, and cannot be ignored",
        "prepare.ignore: 'zz' is not a column of t.csv; did you mean 'z'?",
        "t.csv: column 'when' holds dates or times such as '31.01.2020'; write them as 2020-01-31 or "
        "2020-01-31 12:30:00, or add the column to prepare.ignore",
        "t.csv: column 'z' row 2 is infinite; fix the value or leave it empty",
    )


def test_a_table_without_a_column_for_the_model_is_refused() -> None:
    raw = pl.DataFrame({"x": ["1", "2"], "y": ["1.5", "2"]})
    with pytest.raises(InputError, match=r"t.csv: has no column left for the model besides the target"):
        clean_table(raw, params(ignore=["x"]))


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["7"] * 20, "Column 'x' has the same value in every row; it tells the model nothing."),
        ([None] * 20, "Column 'x' has no values at all; it tells the model nothing."),
        (
            [str(k) for k in range(20)],
            "Column 'x' has a different value in every row; if it names the row, add it to prepare.ignore.",
        ),
        (["007", "008"] * 10, "Column 'x' has leading zeros, and was read as categories."),
    ],
)
def test_what_is_odd_about_a_column_is_noted(values: list[str | None], note: str) -> None:
    raw = pl.DataFrame({"x": pl.Series(values, dtype=pl.String), "y": [f"{k}.5" for k in range(20)]})
    assert clean_table(raw, params()).schema.notes == [note]


def test_very_many_names_are_noted() -> None:
    def notes(n_names: int) -> list[str]:
        raw = pl.DataFrame({"c": [f"n{k % n_names}" for k in range(2002)], "y": [f"{k}.5" for k in range(2002)]})
        return clean_table(raw, params()).schema.notes

    assert notes(1000) == []
    assert notes(1001) == ["Column 'c' has more than 1000 different names; the model learns little about rare ones."]


def test_a_generated_line_keeps_its_true_parameters() -> None:
    line = LineParams(kind="line", weight=0.7, bias=0.3, start=0.0, stop=1.0, step=0.02, noise=0.0, seed=42)
    clean = clean_table(line, params(source="line.yaml"))
    assert clean.schema.generated == {"weight": 0.7, "bias": 0.3}
    assert clean.rows["x"].head(3).cast(pl.Float32).to_list() == pl.Series([0, 0.02, 0.04], dtype=pl.Float32).to_list()
    assert clean.schema.rows == 50


def in_chunks(raw: pl.DataFrame, n_first: int, **changed: Any) -> tuple[pl.DataFrame, Schema]:
    """Clean three rows at a time, after planning by the first ones only."""
    cleaning = TableCleaner(raw.head(n_first), params(**changed), is_whole=False)
    rows = pl.concat(cleaning.clean(raw.slice(start, 3) for start in range(0, raw.height, 3)))
    return rows, cleaning.schema()


def test_a_table_in_chunks_is_the_same_as_in_one_piece() -> None:
    raw = pl.DataFrame(
        {
            "y": [str(k % 3) for k in range(31)],
            "x": [f"{k}.5" if k % 4 else "" for k in range(31)],
            "again": [f"{k}.5" if k % 4 else "" for k in range(31)],
            "n": [str(k + 5) for k in range(31)],
            "c": ["a", "NA", " b "] * 10 + ["z"],
            "t": ["true", "False", ""] * 10 + ["TRUE"],
            "d": ["2020-01-31", "2020-02-29 12:30", "NA"] * 10 + ["2021-01-01T00:00:00Z"],
            "one": ["7"] * 31,
            "none": [""] * 31,
        }
    )
    raw = plain_frame(raw, TextFormat())
    whole = clean_table(raw, params())
    rows, schema = in_chunks(raw, 16)
    assert rows.equals(whole.rows)
    assert schema == whole.schema
    assert (schema.task, schema.classes) == ("multiclass", ["0", "1", "2"])
    assert [column.kind for column in schema.columns] == [
        *["numeric", "ignored", "numeric", "categorical", "boolean", "datetime"],
        *["numeric", "numeric"],
    ]
    assert schema.notes == [
        "Column 'again' is the same as column 'x' in every row, and is ignored.",
        "Column 'n' has a different value in every row; if it names the row, add it to prepare.ignore.",
        "Column 'one' has the same value in every row; it tells the model nothing.",
        "Column 'none' has no values at all; it tells the model nothing.",
    ]


@pytest.mark.parametrize(
    ("values", "last", "problem"),
    [
        (["1", "2"], "x", "column 'x' row 21 must be a number, got 'x'; fix the value or leave it empty; or, if it "),
        (["1", "2"], "007", "column 'x' row 21 must be a number without leading zeros, as the rows before, got '007'"),
        (["1", "2"], "inf", "column 'x' row 21 is infinite; fix the value or leave it empty"),
        (["1", "2"], "1e39", "column 'x' row 21 is beyond float32 (1e+39); fix the value or leave it empty"),
        (["true", "false"], "1x", "column 'x' row 21 must be true or false, got '1x'; or, if it holds names"),
        (["2020-01-31"], "31.1.20", "column 'x' row 21 must be a date such as 2020-01-31 or 2020-01-31 12:30:00, got"),
    ],
)
def test_a_value_that_contradicts_the_first_rows_is_told_by_its_row(values: list[str], last: str, problem: str) -> None:
    xs = [values[k % len(values)] for k in range(20)] + [last]
    raw = pl.DataFrame({"x": xs, "y": [f"{k}.5" for k in range(21)]})
    with pytest.raises(InputError) as caught:
        in_chunks(raw, 16)
    (message,) = caught.value.problems
    assert message.startswith(f"t.csv: {problem}")


@pytest.mark.parametrize(
    ("ys", "problem"),
    [
        (
            ["0", "1"] * 10 + ["0.5"],
            "target 'y' row 21 must be a whole number, because the first rows hold few",
        ),
        (["0", "1"] * 10 + [None], "target 'y' has 1 missing value (row 21); drop these rows, or fill them in"),
        (["0.5", "1"] * 10 + ["cold"], "target 'y' row 3 must be a number, got 'cold'"),
        (["0.5", "1"] * 10 + ["x"], "target 'y' must be numbers for a regression, got 'x'"),
        (["cat"] * 21, "target 'y' has only one class ('cat'); a model needs two or more"),
        ([str(k) for k in [0, 1] * 10 + [*range(30)]], "target 'y' has 22 different numbers, too many for classes"),
    ],
)
def test_a_target_must_fit_to_the_last_row(ys: list[str | None], problem: str) -> None:
    if "row 3" in problem:
        ys = ["0.5", "1", "cold", *ys]
    raw = pl.DataFrame({"x": [f"{k}.5" for k in range(len(ys))], "y": ys})
    with pytest.raises(InputError) as caught:
        in_chunks(raw, 16 if "row 3" not in problem else len(ys))
    assert caught.value.problems[0].startswith(f"t.csv: {problem}")


def test_a_class_that_comes_late_is_a_class_like_the_others() -> None:
    raw = pl.DataFrame({"x": [f"{k}.5" for k in range(30)], "y": ["b"] * 20 + ["a"] * 10})
    rows, schema = in_chunks(raw, 16)
    assert (schema.task, schema.classes) == ("binary", ["b", "a"])  # the rarer class is the last
    assert rows["y"].to_list() == ["b"] * 20 + ["a"] * 10


def test_the_kind_that_is_asked_for_is_the_kind() -> None:
    raw = pl.DataFrame(
        {
            "zip": ["00123", "1"],
            "code": ["3.0", "4"],
            "flag": ["0", "1"],
            "day": ["2020-01-31", "2020-02-01"],
            "n": ["1", "2"],
            "y": ["1.5", "2"],
        }
    )
    kinds = {"zip": "numeric", "code": "categorical", "flag": "boolean", "day": "categorical", "n": "ignore"}
    clean = clean_table(raw, params(columns=kinds))
    assert {column.name: column.kind for column in clean.schema.columns} == {**kinds, "n": "ignored"}
    assert clean.rows.rows()[0] == (123.0, "3", False, "2020-01-31", "1", 1.5)


def test_a_twin_whose_kind_is_asked_for_stays() -> None:
    raw = pl.DataFrame({"a": ["1", "2"], "b": ["1", "2"], "y": ["1.5", "2"]})
    assert [c.kind for c in clean_table(raw, params()).schema.columns] == ["numeric", "ignored"]
    asked = clean_table(raw, params(columns={"b": "numeric"}))
    assert [c.kind for c in asked.schema.columns] == ["numeric", "numeric"]


def test_weight_and_shares_are_no_features_and_stand_last() -> None:
    raw = pl.DataFrame({"a": ["0.25", "1"], "w": ["0", "2"], "b": ["0.75", "0.0005"], "x": ["1", "2"]})
    clean = clean_table(raw, params(target=["a", "b"], weight="w"))
    assert clean.rows.rows() == [(1.0, 0.0, 0.25, 0.75), (2.0, 2.0, 1.0, 0.0005)]
    schema = clean.schema
    assert [column.name for column in schema.columns] == ["x"]
    assert (schema.task, schema.classes, schema.targets, schema.weight) == ("distribution", ["a", "b"], ["a", "b"], "w")
    assert schema.target == "a, b"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("0.5", "0.6", "1"), "t.csv: the targets a, b must sum to 1 in each row, got 1.1 in row 2"),
        (("-0.5", "1.5", "1"), "t.csv: target 'a' row 2 must be >= 0, got -0.5"),
        ((None, "1", "1"), "t.csv: target 'a' has 1 missing value (row 2); drop these rows, or fill them in"),
        (("0.5", "half", "1"), "t.csv: target 'b' row 2 must be a number, got 'half'; fix the value or leave it empty"),
        (("0", "1", "-1"), "t.csv: weight 'w' row 2 must be >= 0, got -1"),
    ],
)
def test_shares_and_weights_that_cannot_be_learned_say_why(row: tuple[str | None, ...], problem: str) -> None:
    raw = pl.DataFrame([("0.5", "0.5", "1", "1"), (*row, "2")], schema=["a", "b", "w", "x"], orient="row")
    with pytest.raises(InputError) as caught:
        clean_table(raw, params(target=["a", "b"], weight="w"))
    assert caught.value.problems == (problem,)


def test_a_target_may_be_called_categorical_if_it_holds_classes() -> None:
    asked = params(columns={"y": "categorical"})
    classes = pl.DataFrame({"x": [float(k) for k in range(30)], "y": ["a", "b"] * 15})
    assert clean_table(classes, asked).schema.task == "binary"
    with pytest.raises(InputError, match=r"prepare.columns: 'y' is the target, and holds quantities; set prepare.task"):
        clean_table(classes.with_columns(y=pl.col("x") / 2), asked)
