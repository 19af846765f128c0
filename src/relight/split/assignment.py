"""Which part each row belongs to: train, validation or test.

Every method is a pure function of the table, the params and the seed. `auto` takes a column named `split` if there
is one and no folds are requested, else it decides by the task.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import SPLIT_COLUMN, Part, Schema
from relight.errors import InputError
from relight.split.columns import (
    CLASS_TASKS,
    assert_queries_whole,
    columns_to_split,
    encode_column,
    named_parts,
    sortable_times,
    split_column_of,
)
from relight.split.folds import (
    assert_enough_groups,
    assert_no_rare_classes,
    assign_folds,
    ends_of_groups,
    mask_of_smallest,
    rare_classes,
)
from relight.split.params import SplitParams

QUERY_METHODS = ("auto", "group", "column")
PARTS: tuple[Part, ...] = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
NO_PART = -1
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


class Assignment(NamedTuple):
    """The part of each row, and how it was found.

    Attributes:
        params: with a method that is not auto.
        notes: what auto chose, and where the validation rows come from, in whole sentences.
        table: the columns that were read for it.
    """

    parts: PartAssignment
    params: SplitParams
    notes: list[str]
    table: pl.DataFrame


def assign_rows(params: SplitParams, schema: Schema, read: Callable[[list[str]], pl.DataFrame]) -> Assignment:
    """Choose a method, and assign each row to a part.

    Args:
        read: returns columns of the clean table, all rows.

    Raises:
        InputError: as `resolve_split`, `columns_to_split` and `assign_parts`.
    """
    settled, choice = resolve_split(params, schema)
    table = read(columns_to_split(settled, schema))
    if settled.method == "stratified" and params.method == "auto":
        settled, choice = _with_rare_classes(settled, table, schema) or (settled, choice)
    parts = assign_parts(settled, table, schema)
    notes = [choice, _validation_note(settled, table, parts)]
    return Assignment(parts, settled, [note for note in notes if note], table)


def _with_rare_classes(params: SplitParams, table: pl.DataFrame, schema: Schema) -> tuple[SplitParams, str] | None:
    """Return a random split and its reason, if some class has too few rows for every part; else None."""
    rare = rare_classes(params, table[schema.target])
    if not rare:
        return None
    return params.model_copy(update={"method": "random"}), f"split.method: auto chose random: {rare}."


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
    suited = _suited(params, schema)
    if schema.query is not None:
        why = "the candidates of a query stay together"
        return suited, f"split.method: auto chose group by '{schema.query}': {why}."
    return suited, f"split.method: auto chose {suited.method}: {schema.task}."


def _suited(params: SplitParams, schema: Schema) -> SplitParams:
    """Return the params with the method that suits the task: whole queries, classes in equal shares, or random rows."""
    if schema.query is not None:
        return params.model_copy(update={"method": "group", "column": schema.query})
    method = "stratified" if schema.task in CLASS_TASKS else "random"
    return params.model_copy(update={"method": method, "column": None})


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
    wanted = [part for part in PARTS if getattr(params, part) > 0]
    empty = [part for part in (*wanted, "train", "test") if counts[part] == 0]
    if empty:
        shown = ", ".join(f"{part} {count}" for part, count in counts.items())
        of_column = f"write {empty[0]} in some rows of '{params.column}'"
        step = of_column if params.method == "column" else "use more rows, or other fractions"
        raise InputError(f"split: part {empty[0]} gets no rows ({shown}); {step}")
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
    assert_no_rare_classes(params, table[schema.target])
    generator = np.random.default_rng(params.seed)
    labels, codes = encode_column(table[schema.target])
    parts = np.empty(schema.rows, dtype=np.int8)
    for code in range(len(labels)):
        of_class = codes == code
        parts[of_class] = _assign_by_keys(_random_keys(int(of_class.sum()), generator), params)
    return parts


def _group(params: SplitParams, table: pl.DataFrame, _schema: Schema) -> PartAssignment:
    """Assign whole groups in a random order until a part is full: no group is in two parts."""
    names, codes = encode_column(split_column_of(table, params))
    assert_enough_groups(params, len(names))
    order = np.random.default_rng(params.seed).permutation(len(names))
    sizes = np.bincount(codes, minlength=len(names))[order]
    train_end, validation_end = ends_of_groups(sizes, params)
    part_of = np.full(len(names), TEST, dtype=np.int8)
    part_of[order[:validation_end]] = VALIDATION
    part_of[order[:train_end]] = TRAIN
    return np.take(part_of, codes)


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


def _column(params: SplitParams, table: pl.DataFrame, schema: Schema) -> PartAssignment:
    """Assign each row as the column says; if it names no validation rows, they are drawn from the train rows."""
    parts = parts_in_column(split_column_of(table, params))
    train = np.flatnonzero(parts == TRAIN)
    n_left = round(params.train / (params.train + params.validation) * len(train))
    if has_validation(parts) or n_left in (0, len(train)):
        return parts
    rows, of_train = table[train], schema.model_copy(update={"rows": len(train)})
    drawn = assign_parts(_params_of_validation(params, rows, of_train), rows, of_train)
    parts[train[drawn == TEST]] = VALIDATION
    return parts


def parts_in_column(column: pl.Series) -> PartAssignment:
    """Return the part that the column names for each row.

    Raises:
        InputError: for gaps, and for a value that names no part.
    """
    parts, codes = named_parts(column)
    return np.take(np.array([PARTS.index(part) for part in parts], dtype=np.int8), codes)


def _params_of_validation(params: SplitParams, train: pl.DataFrame, schema: Schema) -> SplitParams:
    """Return the params of a split in two of the train rows: what stays, and the validation rows as its test part."""
    both = params.train + params.validation
    shares = {"train": params.train / both, "validation": 0.0, "test": params.validation / both}
    params = _suited(params.model_copy(update=shares), schema)
    has_rare = params.method == "stratified" and rare_classes(params, train[schema.target])
    return params.model_copy(update={"method": "random"}) if has_rare else params


def _validation_note(params: SplitParams, table: pl.DataFrame, parts: PartAssignment) -> str:
    """Return where the validation rows come from, if the column that names the parts names none."""
    if params.method != "column" or not has_validation(parts):
        return ""
    column = split_column_of(table, params)
    return "" if has_validation(parts_in_column(column)) else validation_note(column.name, parts, "drawn by split.seed")


def validation_note(column: str, parts: PartAssignment, how: str) -> str:
    """Return that the validation rows are some of the train rows, and how they were chosen."""
    counts = count_parts(parts)
    n_validation, n_both = counts["validation"], counts["train"] + counts["validation"]
    return (
        f"Column '{column}' names no validation rows: {n_validation} of its {n_both} train rows are, {how}; "
        "split.validation sets their share."
    )


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
