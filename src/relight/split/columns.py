"""The columns that a split reads: one that groups, orders or names the parts, the classes, the queries of a ranking."""

import re
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data import text_columns
from relight.data.groups import factorize, has_distinct_relevance
from relight.data.schema import Part, Schema
from relight.errors import InputError
from relight.runtime.messages import abbreviate, did_you_mean
from relight.split.params import SplitParams

TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)
YEAR_FIRST = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"  # texts that sort by time as they stand
PART_OF_NAME: dict[str, Part] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "val", "valid", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
FLAGS = {"0": False, "false": False, "no": False, "1": True, "true": True, "yes": True}
CLASS_TASKS = ("binary", "multiclass", "similarity")  # those whose rows are stratified
MAX_QUERIES = 2**24  # training holds them as float32, which has every whole number up to here


class CodedColumn(NamedTuple):
    """A column as codes of its levels.

    Attributes:
        levels: the different values in ascending order.
        codes: unsigned integers (n_rows,), for texts as small as the levels allow: the index of each row's level.
    """

    levels: pl.Series
    codes: np.ndarray


def columns_to_split(params: SplitParams, schema: Schema) -> list[str]:
    """Return the columns of the clean table that `assign_parts` reads; none if only the number of rows matters.

    Raises:
        InputError: a column that is missing, a stratified split without classes.
    """
    if params.method == "stratified":
        if schema.task not in CLASS_TASKS:
            raise InputError(
                "split.method: stratified is for classes, and the target is a quantity; use method: random"
            )
        return [schema.target]
    if params.column is None:
        return []
    names = [*(column.name for column in schema.columns), *schema.targets, *([schema.weight] if schema.weight else [])]
    if params.column not in names:
        raise InputError(f"split.column: '{params.column}' is not a column{did_you_mean(params.column, names)}")
    query = [] if schema.query is None else [schema.query, schema.target]
    classes = [schema.target] if params.method == "column" and schema.task in CLASS_TASKS else []
    return list(dict.fromkeys([params.column, *query, *classes]))


def split_column_of(table: pl.DataFrame, params: SplitParams) -> pl.Series:
    """Return the column that splits.

    Raises:
        InputError: when it has gaps.
    """
    values = _without_gaps(table[str(params.column)])
    return text_columns.with_whole_numbers(values) if values.dtype == pl.String else values


def encode_column(column: pl.Series) -> CodedColumn:
    """Return a column without gaps as codes of its sorted levels. NaN, in an ignored column, is a level."""
    if column.dtype in TEXT_TYPES:
        levels = column.unique().cast(pl.String).sort()
        return CodedColumn(levels, column.cast(pl.Enum(levels)).to_physical().to_numpy())
    levels = column.unique().sort()
    return CodedColumn(levels, levels.search_sorted(column).to_numpy())


def first_value_among(column: pl.Series, levels: pl.Series) -> str:
    """Return the first value of a column that is one of these levels."""
    return str(column.filter(column.cast(pl.String).is_in(levels.cast(pl.String).implode()))[0])


class NamedParts(NamedTuple):
    """The part that each row is said to be in.

    Attributes:
        parts: of each level of the column.
        codes: unsigned integers (n_rows,), the index of each row's level.
    """

    parts: list[Part]
    codes: np.ndarray


def named_parts(column: pl.Series) -> NamedParts:
    """Return the parts that a column names, in any case, or that 0 and 1 mean in `is_test` and `is_train`.

    Raises:
        InputError: for gaps, and for a value that names no part.
    """
    levels, codes = encode_column(_without_gaps(column))
    names = levels.cast(pl.String).str.strip_chars().str.to_lowercase().str.strip_suffix(".0").to_list()
    part_of = PART_OF_NAME | _parts_of_flags(column.name)
    unknown = levels.filter([name not in part_of for name in names])
    if len(unknown):
        raise InputError(_no_part_problem(column, levels, unknown, are_flags=set(names) <= FLAGS.keys()))
    return NamedParts([part_of[name] for name in names], codes)


def _parts_of_flags(name: str) -> dict[str, Part]:
    """Return the part of each flag in a column that is called after the part of its 1; {} for another name."""
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    flagged = {PART_OF_NAME[word] for word in words if word in PART_OF_NAME}
    others: dict[Part, Part] = {"test": "train", "train": "test"}
    if len(flagged) != 1 or not flagged <= others.keys():
        return {}
    part = flagged.pop()
    return {flag: part if is_set else others[part] for flag, is_set in FLAGS.items()}


def _no_part_problem(column: pl.Series, levels: pl.Series, unknown: pl.Series, *, are_flags: bool) -> str:
    key, value = f"split.column: '{column.name}'", first_value_among(column, unknown).removesuffix(".0")
    if are_flags:
        flags = " and ".join(levels.cast(pl.String))
        return (
            f"{key} must hold train, validation and test, got {flags}, which name no part; "
            "rename the column after the part of its 1, as is_test or is_train, or write the parts as words"
        )
    folds = levels.cast(pl.Float64, strict=False)
    if len(levels) > 1 and not folds.null_count():
        return (
            f"{key} must hold train, validation (or val, valid) and test, got '{value}'; if its {len(levels)} numbers "
            f"are folds, set split.method to group, split.column to '{column.name}' and split.folds to {len(levels)}, "
            "or else name another column"
        )
    shown = abbreviate(f"'{level}'" for level in unknown)
    return (
        f"{key} must hold train, validation (or val, valid) and test, got {shown}; name another column, or set "
        "split.method to random and split.column to null"
    )


def sortable_times(column: pl.Series) -> pl.Series:
    """Return numbers that sort by time, for numbers, dates, and texts of both.

    Raises:
        InputError: for texts such as 31.01.2020, which sort by their day, and for values that are no times.
    """
    if column.dtype in TEXT_TYPES:
        return _sortable_texts(column)
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        raise _no_time_error(column.name, str(column[0]).lower())
    values = column.to_physical()
    return _without_gaps(values.fill_nan(None) if values.dtype.is_float() else values)


def _sortable_texts(column: pl.Series) -> pl.Series:
    levels, codes = encode_column(column)
    values = levels
    if values.null_count():
        _without_gaps(column.cast(pl.String))  # raises, with the number of rows
    if bool(text_columns.are_numbers(values).all()):
        numbers = text_columns.exact_whole_numbers(values, values.cast(pl.Float64))
        return pl.Series(np.take(numbers.to_numpy(), codes))
    is_date = values.str.contains(YEAR_FIRST) & values.str.head(10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    if not is_date.all():
        raise _no_time_error(column.name, first_value_among(column, levels.filter(~is_date)))
    ranks = values.str.replace("T", " ").rank("dense")  # 2024-01-31T10:00 is 2024-01-31 10:00
    return pl.Series(np.take(ranks.to_numpy(), codes))


def _no_time_error(name: str, value: str) -> InputError:
    return InputError(f"split.column: '{name}' must hold numbers, or dates such as 2024-01-31, got '{value}'")


def _without_gaps(column: pl.Series) -> pl.Series:
    if column.null_count():
        raise InputError(f"split.column: '{column.name}' has {column.null_count()} gaps; fill them in")
    return column


def query_numbers(table: pl.DataFrame, schema: Schema, parts: np.ndarray) -> dict[str, np.ndarray]:
    """Return `query`, int32 (n_rows,): in each part 0 to n_queries - 1 in order of first appearance; or nothing."""
    if schema.query is None:
        return {}
    codes = encode_column(table[schema.query]).codes
    numbers = np.full(len(codes), -1, dtype=np.int32)
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        numbers[rows] = factorize(codes[rows])
    return {"query": numbers}


def assert_queries_whole(table: pl.DataFrame, schema: Schema, parts: np.ndarray, names: tuple[Part, ...]) -> None:
    """Check that each query is in one part, and that each part has something to rank.

    Args:
        table: the query and the target of all rows; it may have others.
        parts: (n_rows,) indices into `names`; -1 for rows in no part.

    Raises:
        InputError: for a query in two parts, a part without an order to learn or to measure, too many queries.
    """
    labels, codes = encode_column(table[str(schema.query)])
    if len(labels) > MAX_QUERIES:
        raise InputError(f"prepare.query: '{schema.query}' must have at most {MAX_QUERIES} values, got {len(labels)}")
    codes = codes.astype(np.int64)
    is_in_part = np.zeros((len(names), len(labels)), dtype=bool)
    for part in range(len(names)):
        is_in_part[part, codes[parts == part]] = True
    torn = np.flatnonzero(is_in_part.sum(axis=0) > 1)
    if len(torn):
        raise InputError(
            f"split: each query must be in one part, got {len(torn)} in more than one, "
            f"such as '{labels[int(torn[0])]}'; set split.method to auto, or fix the column '{schema.query}'"
        )
    relevance = table[schema.target].to_numpy()
    empty = [name for part, name in enumerate(names) if _is_unordered(codes, relevance, parts == part)]
    if empty:
        raise InputError(
            f"split: part {empty[0]} has no query whose candidates differ in '{schema.target}', and nothing to rank; "
            "use more queries, other fractions, or another prepare.query"
        )


def _is_unordered(codes: np.ndarray, relevance: np.ndarray, chosen: np.ndarray) -> bool:
    return bool(chosen.any()) and not has_distinct_relevance(factorize(codes[chosen]), relevance[chosen]).any()
