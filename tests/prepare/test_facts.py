from typing import Any

import polars as pl
import pytest

from relight.prepare.column_profile import MIN_ROWS_FOR_IDS, TableProfile

IDS = ("has a different value in every row; if it names the row, add it to prepare.ignore",)
NONE: tuple[str, ...] = ()


def remarks_on(values: list[Any], n_rows: int) -> tuple[str, ...]:
    """Return the remarks on a column that comes in chunks of this many rows."""
    facts = TableProfile()
    series = pl.Series("x", values, dtype=pl.String if any(isinstance(v, str) for v in values) else None, strict=False)
    series = series.cast(pl.Float64) if series.dtype.is_integer() else series
    for start in range(0, len(values), n_rows):
        facts.add(series.slice(start, n_rows).to_frame())
    return facts.warnings("x")


@pytest.mark.parametrize("n_rows", [7, 1000])
@pytest.mark.parametrize(
    ("values", "remarks"),
    [
        ([f"row {k}" for k in range(900)], IDS),
        (list(range(100, 130)), IDS),
        (list(range(129, 99, -1)), IDS),
        ([float(k) for k in range(30)], IDS),
        ([f"row {k % 450}" for k in range(900)], NONE),
        ([k * k for k in range(30)], NONE),
        ([k / 2 for k in range(30)], NONE),
        ([True, False] * 15, NONE),
        ([f"row {k}" for k in range(MIN_ROWS_FOR_IDS - 1)], NONE),
        ([7] * 30, ("has the same value in every row; it tells the model nothing",)),
        ([7, None] * 15, NONE),
        ([7] * 29 + [8], NONE),
        ([None] * 30, ("has no values at all; it tells the model nothing",)),
        ([None] * 29 + [1.5], NONE),
        ([20, 30, 190] * 10, ("has 3 different whole numbers; if they are codes, read them as names with "
                              "prepare.columns (categorical)",)),
        ([2007, 2008, 2009] * 10, NONE),
        ([0, 1, 3, 4] * 10, NONE),
        ([20, 30, 190.5] * 10, NONE),
        ([20 * k for k in range(21)] * 2, NONE),
    ],
    ids=["texts", "counted", "downwards", "floats", "repeats", "jumps", "halves", "booleans", "few rows",
         "constant", "constant but for gaps", "constant but for the last", "nothing", "nothing but for the last",
         "codes", "years", "grades", "fractions", "many numbers"],
)  # fmt: skip
def test_what_is_odd_about_a_column_does_not_depend_on_the_chunks(
    values: list[Any], remarks: tuple[str, ...], n_rows: int
) -> None:
    assert remarks_on(values, n_rows) == remarks


def test_twins_are_equal_to_the_last_row_and_constants_are_none() -> None:
    table = pl.DataFrame(
        {
            "a": [1.0, 2.0, None, 4.0],
            "b": [1.0, 2.0, None, 4.0],
            "almost": [1.0, 2.0, None, 5.0],
            "text": ["1", "2", None, "4"],
            "c": [1.0, 2.0, None, 4.0],
            "one": [1.0] * 4,
            "1": [1.0] * 4,
        }
    )
    for n_rows in (1, 2, 4):
        facts = TableProfile()
        for start in range(0, 4, n_rows):
            facts.add(table.slice(start, n_rows))
        assert facts.duplicate_columns() == {"b": "a", "c": "a"}
