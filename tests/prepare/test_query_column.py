import polars as pl
import pytest

from relight.data.text_format import MISSING_WORDS
from relight.errors import ColumnError
from relight.prepare.plain.columns import with_gaps
from relight.prepare.targets import query_labels


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([" 007", "7 "], ["007", "7"]),
        ([3.0, 3.5], ["3", "3.5"]),
        ([1, 2], ["1", "2"]),
        ([True, False], ["true", "false"]),
    ],
)
def test_a_query_is_a_name_whatever_type_it_has(values: list[object], labels: list[str]) -> None:
    found = query_labels(with_gaps(pl.Series("q", values), MISSING_WORDS), 1)
    assert (found.name, found.to_list()) == ("q", labels)


@pytest.mark.parametrize("values", [["a", None, " "], [1.0, float("nan"), None]])
def test_rows_without_a_query_are_named(values: list[object]) -> None:
    with pytest.raises(ColumnError, match=r"has 2 missing values \(row 12, 13\)"):
        query_labels(with_gaps(pl.Series("q", values), MISSING_WORDS), 11)


def test_a_list_cannot_name_a_query() -> None:
    with pytest.raises(ColumnError, match=r"is of type List\(Int64\), which cannot name queries"):
        query_labels(pl.Series("q", [[1], [2]]), 1)
