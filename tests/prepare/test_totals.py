"""A last row of totals is told, whatever it is called; a table whose last row is like the others is read."""

import polars as pl
import pytest

from relight.errors import InputError
from relight.prepare.params import PrepareParams
from relight.prepare.table import clean_table

PARAMS = PrepareParams(source="t.csv", target="y", task="auto", ignore=[])
QTY, Y = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12], [0.1 * k for k in range(11)]


def table(city: str | None, qty: float | None, y: float) -> pl.DataFrame:
    return pl.DataFrame({"city": [*"abcabcabcab", city], "qty": [*map(float, QTY), qty], "y": [*Y, y]})


@pytest.mark.parametrize(
    ("city", "qty", "y", "said"),
    [
        (None, 67, 5.5, r"t.csv: row 12, the last one, holds the sums of the others \(qty, y\); delete it"),
        ("Total", 67, 5.5, r"row 12, the last one, holds the sums"),
        (None, None, 5.5, r"row 12, the last one, holds the sums of the others \(y\)"),
        ("Gesamt", 6.1, 0.5, r"row 12, the last one, is called a total \('Gesamt'\); delete it"),
        ("AVERAGE", 6.1, 0.5, r"is called a total \('AVERAGE'\)"),
    ],
)
def test_totals_are_told(city: str | None, qty: float | None, y: float, said: str) -> None:
    with pytest.raises(InputError, match=said):
        clean_table(table(city, qty, y), PARAMS)


@pytest.mark.parametrize(("city", "qty", "y"), [("c", 66, 5.4), ("Totalville", 1, 0.5), ("c", 0, 0), ("c", 12, 1.0)])
def test_a_last_row_like_the_others_is_read(city: str, qty: float, y: float) -> None:
    assert clean_table(table(city, qty, y), PARAMS).rows.height == 12


def test_a_name_that_comes_twice_is_no_total() -> None:
    rows = table("mean", 1, 0.5)
    assert clean_table(rows.with_columns(city=pl.Series([*"abcabcabca", "mean", "mean"])), PARAMS).rows.height == 12
