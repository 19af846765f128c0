"""Rows that belong together: the steps of a sequence, the candidates of a query."""

import numpy as np
import polars as pl


def inconsistency_problems(values: pl.Series, ids: pl.Series, sequence_index: np.ndarray) -> list[str]:
    """Return what is wrong with a value that must be the same in all rows of a sequence: its target, weight or part.

    Args:
        sequence_index: int (n_rows,): which sequence a row belongs to, from 0.
    """
    first_rows = np.unique(sequence_index, return_index=True)[1]
    first = values[first_rows][sequence_index]
    wrong = values.ne_missing(first)
    if not wrong.any():
        return []
    at = int(wrong.arg_max() or 0)
    return [
        f"'{values.name}' must be the same in all rows of a sequence, got "
        f"'{first[at]}' and '{values[at]}' for {ids.name} '{ids[at]}'"
    ]


def factorize(codes: np.ndarray) -> np.ndarray:
    """Return any codes, (n_rows,), as 0, 1, 2, ... in order of first appearance, int32 (n_rows,)."""
    _, first, code = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return rank[code]


def has_distinct_relevance(query: np.ndarray, relevance: np.ndarray) -> np.ndarray:
    """Return which queries have candidates of different relevance, bool (n_queries,); any order of the others is right.

    Args:
        query: int (n_rows,) from 0 to n_queries - 1, each of them present.
        relevance: (n_rows,) grades.
    """
    order = np.argsort(query, kind="stable")
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    sorted_relevance = relevance[order]
    lowest, highest = np.minimum.reduceat(sorted_relevance, starts), np.maximum.reduceat(sorted_relevance, starts)
    different: np.ndarray = lowest < highest
    return different
