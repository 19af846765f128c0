from typing import Any

import polars as pl
import pytest

from relight.domain.cleaning import clean_table
from relight.domain.schema import Column
from relight.errors import InputError
from relight.params.line import LineParams
from relight.params.prepare import PrepareParams


def params(**changed: Any) -> PrepareParams:
    return PrepareParams(**{"source": "t.csv", "target": "y", "task": "auto", "ignore": [], **changed})


def test_columns_keep_their_order_and_the_target_comes_last() -> None:
    raw = pl.DataFrame({"y": ["1.5", "2"], "c": ["a", "NA"], "when": ["2020-01-31", ""], "x": ["1", ""]})
    clean = clean_table(raw, params(ignore=["when"]))
    assert clean.schema.columns == [
        Column(name="c", kind="categorical"),
        Column(name="when", kind="ignored"),
        Column(name="x", kind="numeric"),
    ]
    assert clean.rows.columns == ["c", "when", "x", "y"]
    assert clean.rows.rows() == [("a", "2020-01-31", 1.0, 1.5), (None, "", None, 2.0)]  # ignored: as it came
    assert (clean.schema.task, clean.schema.rows, clean.schema.generated) == ("regression", 2, None)


def test_everything_wrong_with_the_columns_is_told_at_once() -> None:
    raw = pl.DataFrame({"when": ["2020-01-31"] * 2, "z": ["1", "inf"], "yy": ["1", "2"]})
    with pytest.raises(InputError) as caught:
        clean_table(raw, params(ignore=["y", "zz"]))
    assert caught.value.problems == (
        "prepare.target: 'y' is not a column of t.csv; did you mean 'yy'?",
        "prepare.ignore: 'y' is the target, and cannot be ignored",
        "prepare.ignore: 'zz' is not a column of t.csv; did you mean 'z'?",
        "t.csv: column 'when' holds dates or times, which are not read yet; "
        "write it as a number, or add it to prepare.ignore",
        "t.csv: column 'z' row 2 is infinite; mend the value, or empty it",
    )


def test_a_table_without_a_column_for_the_model_is_refused() -> None:
    raw = pl.DataFrame({"x": ["1", "2"], "y": ["1.5", "2"]})
    with pytest.raises(InputError, match=r"t.csv: has no column left for the model besides the target"):
        clean_table(raw, params(ignore=["x"]))


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (["7"] * 20, "Column 'x' has the same value in every row; it tells the model nothing."),
        ([""] * 20, "Column 'x' has no values at all; it tells the model nothing."),
        (
            [str(k) for k in range(20)],
            "Column 'x' has a different value in every row; if it names the row, add it to prepare.ignore.",
        ),
        (["007", "008"] * 10, "Column 'x' has leading zeros, and was read as categories."),
    ],
)
def test_what_is_odd_about_a_column_is_noted(values: list[str], note: str) -> None:
    raw = pl.DataFrame({"x": values, "y": [f"{k}.5" for k in range(20)]})
    assert clean_table(raw, params()).schema.notes == [note]


def test_a_generated_line_keeps_its_true_parameters() -> None:
    line = LineParams(kind="line", weight=0.7, bias=0.3, start=0.0, stop=1.0, step=0.02, noise=0.0, seed=42)
    clean = clean_table(line, params(source="line.yaml"))
    assert clean.schema.generated == {"weight": 0.7, "bias": 0.3}
    assert clean.rows["x"].head(3).cast(pl.Float32).to_list() == pl.Series([0, 0.02, 0.04], dtype=pl.Float32).to_list()
    assert clean.schema.rows == 50
