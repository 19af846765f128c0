"""Which query each row of a ranking is a candidate of, and which queries say something of an order."""

import numpy as np
import polars as pl

from relight.domain.schema import Part, Schema
from relight.domain.split_columns import coded
from relight.errors import InputError

MOST_QUERIES = 2**24  # float32 has every whole number up to here, and training holds them as such


def numbers_of_queries(table: pl.DataFrame, schema: Schema, parts: np.ndarray) -> dict[str, np.ndarray]:
    """`query`, int32 (n_rows,): within each part 0 to n_queries - 1 in the order of first appearance; or nothing."""
    if schema.query is None:
        return {}
    codes = coded(table[schema.query]).codes
    numbers = np.full(len(codes), -1, dtype=np.int32)
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        numbers[rows] = by_first_appearance(codes[rows])
    return {"query": numbers}


def by_first_appearance(codes: np.ndarray) -> np.ndarray:
    """Any codes, (n_rows,), as 0, 1, 2, ... in the order in which they first appear."""
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[place]


def have_an_order(query: np.ndarray, relevance: np.ndarray) -> np.ndarray:
    """Which queries have candidates of different relevance, bool (n_queries,): of the others every order is as good.

    Args:
        query: (n_rows,) from 0 to n_queries - 1, each of them there.
    """
    order = np.argsort(query, kind="stable")
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    sorted_relevance = relevance[order]
    lowest, highest = np.minimum.reduceat(sorted_relevance, starts), np.maximum.reduceat(sorted_relevance, starts)
    different: np.ndarray = lowest < highest
    return different


def assert_queries_whole(table: pl.DataFrame, schema: Schema, parts: np.ndarray, names: tuple[Part, ...]) -> None:
    """A query is trained with or tested with, never both, and each part has something to rank.

    Args:
        table: the query and the target of all rows; others may be there.
        parts: (n_rows,) places in `names`; -1 for rows in no part.

    Raises:
        InputError: for a query on two sides, a part without an order to learn or to measure, too many queries.
    """
    labels, codes = coded(table[str(schema.query)])
    if len(labels) > MOST_QUERIES:
        raise InputError(f"prepare.query: '{schema.query}' must have at most {MOST_QUERIES} values: {len(labels)}")
    codes = codes.astype(np.int64)
    sides = np.zeros((len(names), len(labels)), dtype=bool)
    for part in range(len(names)):
        sides[part, codes[parts == part]] = True
    torn = np.flatnonzero(sides.sum(axis=0) > 1)
    if len(torn):
        raise InputError(
            f"split: each query must stand in one part, however: {len(torn)} stand in more, "
            f"such as '{labels[int(torn[0])]}'; set split.method to auto, or mend the column '{schema.query}'"
        )
    relevance = table[schema.target].to_numpy()
    empty = [name for part, name in enumerate(names) if _has_no_order(codes, relevance, parts == part)]
    if empty:
        raise InputError(
            f"split: part {empty[0]} has no query whose candidates differ in '{schema.target}', and nothing to rank; "
            "use more queries, other fractions, or another prepare.query"
        )


def _has_no_order(codes: np.ndarray, relevance: np.ndarray, chosen: np.ndarray) -> bool:
    return bool(chosen.any()) and not have_an_order(by_first_appearance(codes[chosen]), relevance[chosen]).any()
