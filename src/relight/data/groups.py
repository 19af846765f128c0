"""Rows that belong together: the steps of a sequence, the candidates of a query."""

import numpy as np
import polars as pl

from relight.data.text_columns import as_labels
from relight.errors import ColumnError
from relight.runtime.messages import pluralize

MOST_NAMED = 5  # sequences in a message


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


def spread_target(raw: pl.Series, ids: pl.Series, sequence_index: np.ndarray) -> tuple[pl.Series, list[str]]:
    """Return the target with its value in every row of each sequence, and a remark if it lacked some.

    Args:
        raw: (n_rows,), gaps in the rows that have no value.
        ids: (n_rows,) the name of the sequence of each row.
        sequence_index: int64 (n_rows,): which sequence a row belongs to, from 0.

    Raises:
        ColumnError: if a sequence has two different values, or none.
    """
    labels = as_labels(raw) if raw.dtype == pl.String else raw.fill_nan(None) if raw.dtype.is_float() else raw
    rows = pl.DataFrame({"sequence": sequence_index, "label": labels, "id": ids.cast(pl.String)})
    each = rows.group_by("sequence", maintain_order=True).agg(
        pl.col("id").first(), pl.col("label").drop_nulls().first(), n=pl.col("label").drop_nulls().n_unique()
    )
    _assert_one_each(rows, each, ids.name)
    n_missing = labels.null_count()
    if not n_missing:
        return raw, []
    values = each.sort("sequence")["label"][sequence_index].alias(raw.name)
    rows_text = pluralize(n_missing, "row")
    return values, [f"Target '{raw.name}' has no value in {rows_text}; it is that of the other rows of its sequence."]


def _assert_one_each(rows: pl.DataFrame, each: pl.DataFrame, id_name: str) -> None:
    several, none = each.filter(pl.col("n") > 1), each.filter(pl.col("n") == 0)
    if several.height:
        first = (
            rows.filter(pl.col("sequence") == several["sequence"][0])["label"].drop_nulls().unique(maintain_order=True)
        )
        raise ColumnError(
            f"must be the same in all rows of a sequence, got '{first[0]}' and '{first[1]}' for {id_name} "
            f"{_named(several['id'])}; give each sequence one value, or name another column in prepare.target"
        )
    if none.height:
        raise ColumnError(
            f"must have a value in some row of each sequence, got none for {id_name} {_named(none['id'])}; "
            "drop these rows, or fill it in"
        )


def _named(ids: pl.Series) -> str:
    more = len(ids) - MOST_NAMED
    return ", ".join(f"'{name}'" for name in ids.head(MOST_NAMED)) + (f" and {more} more" if more > 0 else "")
