"""Equal folds of the rows, for cross-validation: over all folds each row is a test row once.

The orders of many rows take little memory: four bytes a row, and no copy of the whole.
"""

import heapq

import numpy as np
import polars as pl

from relight.data.schema import Schema
from relight.errors import InputError
from relight.runtime.messages import pluralize
from relight.split.columns import encode_column, split_column_of
from relight.split.params import SplitParams

ROWS_PER_CHUNK = 262_144  # NumPy copies the indices of rows, at eight bytes each


def permutation_int32(n_rows: int, generator: np.random.Generator) -> np.ndarray:
    """Return 0 to n_rows - 1 in the order that `generator.permutation(n_rows)` draws, int32 (n_rows,)."""
    order = np.arange(n_rows, dtype=np.int32)
    generator.shuffle(order)
    return order


def indices_where(chosen: np.ndarray) -> np.ndarray:
    """Return the indices at which an array of bool is true, int32 (n_true,)."""
    starts = range(0, len(chosen), ROWS_PER_CHUNK)
    indices = [(np.flatnonzero(chosen[start : start + ROWS_PER_CHUNK]) + start).astype(np.int32) for start in starts]
    return np.concatenate(indices)


def mask_of_smallest(keys: np.ndarray, n_rows: int) -> np.ndarray:
    """Return a mask of the rows with the `n_rows` smallest keys, bool (n,); of equal keys, the first rows."""
    if n_rows == 0:
        return np.zeros(len(keys), dtype=bool)
    last = np.partition(keys, n_rows - 1)[n_rows - 1]
    chosen: np.ndarray = keys < last
    ties = indices_where(keys == last)
    chosen[ties[: n_rows - int(chosen.sum())]] = True
    return chosen


def assign_round_robin(values: np.ndarray, rows: np.ndarray, n_groups: int, first: int = 0) -> None:
    """Set values[rows] to first, first + 1, ... modulo n_groups."""
    for start in range(0, len(rows), ROWS_PER_CHUNK):
        some = rows[start : start + ROWS_PER_CHUNK]
        values[some] = (first + start + np.arange(len(some))) % n_groups


def assign_folds(params: SplitParams, table: pl.DataFrame, schema: Schema) -> np.ndarray:
    """Return the fold of each row, int32 (n_rows,). The folds do not depend on which of them tests.

    Raises:
        InputError: fewer rows, rows of a class, or groups than folds.
    """
    n_folds = int(params.folds or 0)
    if schema.rows < n_folds:
        raise InputError(f"split.folds: must be at most the {schema.rows} rows, got {n_folds}; use fewer folds")
    match params.method:
        case "ordered":
            return _blocks(schema.rows, n_folds)
        case "random":
            return _random(params.seed, schema.rows, n_folds)
        case "stratified":
            return _stratified(params.seed, table[schema.target], n_folds)
        case "group":
            return _groups(params.seed, split_column_of(table, params), n_folds)
        case "auto" | "time" | "column":
            raise AssertionError("resolve_split comes first, and the params refuse folds with these")


def _blocks(n_rows: int, n_folds: int) -> np.ndarray:
    ends = np.arange(n_folds + 1) * n_rows // n_folds
    return np.repeat(np.arange(n_folds, dtype=np.int32), np.diff(ends))


def _random(seed: int, n_rows: int, n_folds: int) -> np.ndarray:
    folds = np.empty(n_rows, dtype=np.int32)
    assign_round_robin(folds, permutation_int32(n_rows, np.random.default_rng(seed)), n_folds)
    return folds


def _stratified(seed: int, target: pl.Series, n_folds: int) -> np.ndarray:
    """Assign class after class, each starting at the fold after the last one: classes and folds differ by one row."""
    generator = np.random.default_rng(seed)
    labels, codes = encode_column(target)
    folds, n_assigned = np.empty(len(codes), dtype=np.int32), 0
    for code, label in enumerate(labels):
        rows = indices_where(codes == code)
        if len(rows) < n_folds:
            count = pluralize(len(rows), "row")
            raise InputError(
                f"split.method: class '{label}' has {count}, too few for {n_folds} folds; use method: random"
            )
        generator.shuffle(rows)
        assign_round_robin(folds, rows, n_folds, first=n_assigned)
        n_assigned += len(rows)
    return folds


def _groups(seed: int, column: pl.Series, n_folds: int) -> np.ndarray:
    """Assign the largest groups first, each to the fold with the fewest rows; groups of a size in a random order."""
    names, codes = encode_column(column)
    if len(names) < n_folds:
        count = pluralize(len(names), "group")
        raise InputError(f"split.column: '{column.name}' has {count}, too few for {n_folds} folds; use fewer folds")
    sizes = np.bincount(codes, minlength=len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    lightest = [(0, fold) for fold in range(n_folds)]
    fold_of = np.empty(len(names), dtype=np.int32)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        n_rows, fold = heapq.heappop(lightest)
        fold_of[group] = fold
        heapq.heappush(lightest, (n_rows + int(sizes[group]), fold))
    return np.take(fold_of, codes)
