"""Which part each row belongs to: train, validation or test.

Every method is a pure function of the table, the params and the seed. `auto` takes a column named `split` if there
is one and no folds are requested, else it decides by the task.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from relight.data.schema import SPLIT_COLUMN, Part, Schema
from relight.errors import InputError
from relight.runtime.messages import pluralize
from relight.split.columns import (
    assert_queries_whole,
    encode_column,
    first_value_among,
    sortable_times,
    split_column_of,
)
from relight.split.folds import assign_folds, mask_of_smallest
from relight.split.params import SplitParams

QUERY_METHODS = ("auto", "group", "column")
PARTS: tuple[Part, ...] = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
NO_PART = -1
PART_OF_NAME = {"train": TRAIN, "validation": VALIDATION, "val": VALIDATION, "valid": VALIDATION, "test": TEST}
PartAssignment = np.ndarray  # int8, shape (n_rows,), of indices into PARTS; -1 for rows that a gap leaves out


def has_validation(parts: PartAssignment) -> bool:
    """Return whether some row is a validation row; if none is, the test rows stand in for them."""
    return bool((parts == VALIDATION).any())


def parts_to_write(parts: PartAssignment) -> tuple[int, int, int]:
    """Return the part that each of the three files holds: train, validation (or test in its stead), test."""
    return TRAIN, VALIDATION if has_validation(parts) else TEST, TEST


def count_parts(parts: PartAssignment) -> dict[Part, int]:
    """Return the number of rows of each part."""
    return {part: int((parts == index).sum()) for index, part in enumerate(PARTS)}


def resolve_split(params: SplitParams, schema: Schema) -> tuple[SplitParams, str]:
    """Return the params with a method, and a sentence with the reason; unchanged and "" if a method was given.

    Raises:
        InputError: for a method that would tear queries apart.
    """
    if schema.task == "ranking" and params.method not in QUERY_METHODS:
        raise InputError(
            f"split.method: must be one of {', '.join(QUERY_METHODS)} for ranking, got {params.method}; "
            "the candidates of a query stay together: auto assigns whole queries"
        )
    if params.method != "auto":
        return params, ""
    named = any(column.name == SPLIT_COLUMN and column.kind in ("categorical", "ignored") for column in schema.columns)
    if named and params.folds is None:
        changes, why = {"method": "column", "column": SPLIT_COLUMN}, "there is a column of that name"
        return params.model_copy(update=changes), f"split.method: auto chose column '{SPLIT_COLUMN}': {why}."
    if schema.query is not None:
        changes, why = {"method": "group", "column": schema.query}, "the candidates of a query stay together"
        return params.model_copy(update=changes), f"split.method: auto chose group by '{schema.query}': {why}."
    method = "stratified" if schema.task in ("binary", "multiclass", "similarity") else "random"
    return params.model_copy(update={"method": method}), f"split.method: auto chose {method}: {schema.task}."


def assign_parts(params: SplitParams, table: pl.DataFrame, schema: Schema) -> PartAssignment:
    """Return the part of each row, int8 (n_rows,), as indices into `PARTS`; -1 in the gap of a split by time.

    Args:
        table: the `columns_to_split` of all rows; it may have others.

    Raises:
        InputError: a column that has gaps or does not parse, a class or groups too few, an empty part.
    """
    method = _folds if params.folds is not None else _method(params)
    parts = method(params, table, schema)
    counts = count_parts(parts)
    wanted = [part for part in PARTS if params.method != "column" and getattr(params, part) > 0]
    empty = [part for part in (*wanted, "train", "test") if counts[part] == 0]
    if empty:
        shown = ", ".join(f"{part} {count}" for part, count in counts.items())
        raise InputError(f"split: part {empty[0]} gets no rows ({shown}); use more rows, or other fractions")
    if schema.query is not None:
        assert_queries_whole(table, schema, parts, PARTS)
    return parts


def _method(params: SplitParams) -> Callable[[SplitParams, pl.DataFrame, Schema], PartAssignment]:
    match params.method:
        case "auto":
            raise AssertionError("resolve_split comes first")
        case "ordered":
            return _ordered
        case "random":
            return _random
        case "stratified":
            return _stratified
        case "group":
            return _group
        case "time":
            return _time
        case "column":
            return _column


def _folds(params: SplitParams, table: pl.DataFrame, schema: Schema) -> PartAssignment:
    """Test on fold i, validate on the next one if the share of validation is above 0, train on the others."""
    folds = assign_folds(params, table, schema)
    parts = np.full(schema.rows, TRAIN, dtype=np.int8)
    if params.validation > 0:
        parts[folds == (params.fold + 1) % int(params.folds or 1)] = VALIDATION
    parts[folds == params.fold] = TEST
    return parts


def _ordered(params: SplitParams, _table: pl.DataFrame, schema: Schema) -> PartAssignment:
    return _assign_by_keys(np.arange(schema.rows, dtype=np.uint32), params)


def _random(params: SplitParams, _table: pl.DataFrame, schema: Schema) -> PartAssignment:
    return _assign_by_keys(_random_keys(schema.rows, np.random.default_rng(params.seed)), params)


def _stratified(params: SplitParams, table: pl.DataFrame, schema: Schema) -> PartAssignment:
    """Assign the rows of each class separately, so that its share is the same in every part."""
    generator = np.random.default_rng(params.seed)
    labels, codes = encode_column(table[schema.target])
    parts = np.empty(schema.rows, dtype=np.int8)
    for code, label in enumerate(labels):
        of_class = codes == code
        n_rows = int(of_class.sum())
        shares = _assign_by_keys(_random_keys(n_rows, generator), params)
        if len(np.unique(shares)) < 2 + (params.validation > 0):
            count = pluralize(n_rows, "row")
            raise InputError(f"split.method: class '{label}' has {count}, too few for every part; use method: random")
        parts[of_class] = shares
    return parts


def _group(params: SplitParams, table: pl.DataFrame, _schema: Schema) -> PartAssignment:
    """Assign whole groups in a random order until a part is full: no group is in two parts."""
    names, codes = encode_column(split_column_of(table, params))
    _assert_enough_groups(params, len(names))
    order = np.random.default_rng(params.seed).permutation(len(names))
    sizes = np.bincount(codes, minlength=len(names))[order]
    train_end, validation_end = _ends_of_groups(sizes, params)
    part_of = np.full(len(names), TEST, dtype=np.int8)
    part_of[order[:validation_end]] = VALIDATION
    part_of[order[:train_end]] = TRAIN
    return np.take(part_of, codes)


def _ends_of_groups(sizes: np.ndarray, params: SplitParams) -> tuple[int, int]:
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


def _assert_enough_groups(params: SplitParams, n_groups: int) -> None:
    n_parts = 2 + (params.validation > 0)
    if n_groups == 1:
        raise InputError(
            f"split.column: '{params.column}' has only one group; choose a column with at least one group per part"
        )
    if n_groups < n_parts:
        raise InputError(f"split.column: '{params.column}' has {n_groups} groups, too few for {n_parts} parts")


def _time(params: SplitParams, table: pl.DataFrame, _schema: Schema) -> PartAssignment:
    """Train on the earliest rows, test on the latest; rows of the same time keep their order.

    The shares are fractions of the rows outside the gaps.
    """
    times = sortable_times(split_column_of(table, params)).to_numpy()
    n_gaps = 1 + (params.validation > 0)
    n_rows = len(times) - n_gaps * params.gap
    if n_rows < n_gaps + 1:
        raise InputError(
            f"split.gap: must leave a row for every part, got {params.gap} with {len(times)} rows; use a smaller gap"
        )
    train_end, validation_end = round(params.train * n_rows), round((params.train + params.validation) * n_rows)
    ends = [(train_end, TRAIN), (train_end + params.gap, NO_PART)]
    if params.validation > 0:
        ends += [(validation_end + params.gap, VALIDATION), (validation_end + 2 * params.gap, NO_PART)]
    parts = np.full(len(times), TEST, dtype=np.int8)
    for end, part in reversed(ends):
        parts[mask_of_smallest(times, end)] = part
    return parts


def _column(params: SplitParams, table: pl.DataFrame, _schema: Schema) -> PartAssignment:
    column = split_column_of(table, params)
    names, codes = encode_column(column)
    parts = names.cast(pl.String).str.to_lowercase().replace_strict(PART_OF_NAME, default=NO_PART, return_dtype=pl.Int8)
    wrong = names.filter(parts == NO_PART)
    if len(wrong):
        raise InputError(
            f"split.column: '{params.column}' must hold train, validation (or val, valid) and test, "
            f"got '{first_value_among(column, wrong)}'; name another column, or set split.method to random"
        )
    return np.take(parts.to_numpy(), codes)


def _random_keys(n_rows: int, generator: np.random.Generator) -> np.ndarray:
    """Return a random number for each row, uint32 (n_rows,); eight times faster than a permutation."""
    return generator.integers(1 << 32, size=n_rows, dtype=np.uint32)


def _assign_by_keys(keys: np.ndarray, params: SplitParams) -> PartAssignment:
    """Assign the rows with the smallest keys, (n_rows,), to train, the next to validation, the rest to test."""
    n_rows = len(keys)
    train_end = round(params.train * n_rows)
    validation_end = round((params.train + params.validation) * n_rows)
    parts = np.full(n_rows, TEST, dtype=np.int8)
    for end, part in ((validation_end, VALIDATION), (train_end, TRAIN)):
        parts[mask_of_smallest(keys, end)] = part
    return parts
