import numpy as np
import polars as pl
import pytest

from relight.data.groups import factorize, has_distinct_relevance
from relight.data.schema import Schema
from relight.errors import InputError
from relight.split.columns import assert_queries_whole, query_numbers

PARTS = ("train", "validation", "test")
TABLE = pl.DataFrame({"q": ["b", "a", "c", "b", "a", "c"], "y": [0.0, 1, 2, 1, 0, 0]})


def schema_of(query: str | None) -> Schema:
    return Schema(
        rows=6, target="y", targets=["y"], weight=None, query=query, task="ranking" if query else "regression",
        classes=None, columns=[], generated=None, notes=[],
    )  # fmt: skip


def test_numbers_count_the_queries_of_each_part_in_their_order() -> None:
    parts = np.array([0, 2, 0, 0, 2, 0], dtype=np.int8)
    assert query_numbers(TABLE, schema_of("q"), parts)["query"].tolist() == [0, 0, 1, 0, 0, 1]
    assert query_numbers(TABLE, schema_of("q"), parts)["query"].dtype == np.int32
    assert query_numbers(pl.DataFrame(), schema_of(None), parts) == {}


def test_by_first_appearance() -> None:
    assert factorize(np.array([7, 3, 7, 9, 3])).tolist() == [0, 1, 0, 2, 1]


def test_an_order_needs_two_relevances() -> None:
    query, relevance = np.array([0, 1, 2, 1, 0]), np.array([1.0, 2, 5, 2, 0])
    assert has_distinct_relevance(query, relevance).tolist() == [True, False, False]


def test_whole_queries_pass() -> None:
    assert_queries_whole(TABLE, schema_of("q"), np.array([0, 1, 2, 0, 1, 2]), PARTS)


def test_a_query_on_two_sides_is_refused() -> None:
    with pytest.raises(InputError, match=r"one part, got 2 in more than one, such as 'b'; set split.method to auto"):
        assert_queries_whole(TABLE, schema_of("q"), np.array([0, 1, 2, 1, 1, 1]), PARTS)


def test_a_part_without_an_order_is_refused() -> None:
    with pytest.raises(InputError, match="split: part test has no query whose candidates differ in 'y'"):
        assert_queries_whole(
            TABLE.with_columns(y=pl.Series([0, 1, 1, 1, 0, 1])), schema_of("q"), np.array([0, 1, 2, 0, 1, 2]), PARTS
        )
