"""Equal folds of the rows, for cross-validation: over all folds each row is a test row once; and what groups and
classes need to fill every part.

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
            assert_no_rare_classes(params, table[schema.target])
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


def rare_classes(params: SplitParams, target: pl.Series) -> str:
    """Return a clause on the classes that have too few rows for every part, or every fold; "" if none has."""
    labels, codes = encode_column(target)
    counts = np.bincount(codes, minlength=len(labels)).tolist()
    rare = [(label, pluralize(n, "row")) for label, n in zip(labels, counts, strict=True) if _is_rare(params, n)]
    where = f"{params.folds} folds" if params.folds else "every part"
    match rare:
        case []:
            return ""
        case [(label, rows)]:
            return f"class '{label}' has {rows}, too few for {where}"
        case [(label, rows), *_]:
            several = f"{len(rare)} of {len(labels)} classes have too few"
            return f"class '{label}' has {rows}, too few for {where} ({several})"
    raise AssertionError("every list has no, one or several items")


def _is_rare(params: SplitParams, n_rows: int) -> bool:
    """Return whether a class of so many rows is too small: some part, or some fold, would get none of them."""
    if params.folds:
        return n_rows < params.folds
    train_end, validation_end = round(params.train * n_rows), round((params.train + params.validation) * n_rows)
    return not (train_end > 0 and validation_end < n_rows and (train_end < validation_end or not params.validation))


def assert_no_rare_classes(params: SplitParams, target: pl.Series) -> None:
    """Check that each class has rows for every part, or every fold.

    Raises:
        InputError: with the classes that have too few.
    """
    if rare := rare_classes(params, target):
        raise InputError(f"split.method: {rare}; use method: random")


def _stratified(seed: int, target: pl.Series, n_folds: int) -> np.ndarray:
    """Assign class after class, each starting at the fold after the last one: classes and folds differ by one row."""
    generator = np.random.default_rng(seed)
    labels, codes = encode_column(target)
    folds, n_assigned = np.empty(len(codes), dtype=np.int32), 0
    for code in range(len(labels)):
        rows = indices_where(codes == code)
        generator.shuffle(rows)
        assign_round_robin(folds, rows, n_folds, first=n_assigned)
        n_assigned += len(rows)
    return folds


def ends_of_groups(sizes: np.ndarray, params: SplitParams) -> tuple[int, int]:
    """Return the groups at which train and validation end, of groups of these sizes, (n,).

    A group belongs to the part in which its middle row falls. Each part gets one group at least: without this, one
    large group could leave a part empty.
    """
    middle = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    n_validation = int(params.validation > 0)
    train_end = int(np.searchsorted(middle, params.train))
    train_end = min(max(train_end, 1), len(sizes) - 1 - n_validation)
    validation_end = int(np.searchsorted(middle, params.train + params.validation))
    return train_end, min(max(validation_end, train_end + n_validation), len(sizes) - 1)


def assert_enough_groups(params: SplitParams, n_groups: int) -> None:
    """Check that there is a group for each part.

    Raises:
        InputError: if there is none.
    """
    n_parts = 2 + (params.validation > 0)
    if n_groups == 1:
        raise InputError(
            f"split.column: '{params.column}' has only one group; choose a column with at least one group per part"
        )
    if n_groups < n_parts:
        raise InputError(f"split.column: '{params.column}' has {n_groups} groups, too few for {n_parts} parts")


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
