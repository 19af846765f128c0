"""What a split reads of the table: a column that groups, orders or names the parts, or the classes."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.domain import texts
from relight.domain.naming import did_you_mean
from relight.domain.schema import Schema
from relight.errors import InputError
from relight.params.split import SplitParams

TEXTS = (pl.String, pl.Categorical, pl.Enum)
YEAR_FIRST = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"  # texts that sort by time as they stand


class Coded(NamedTuple):
    """
    Attributes:
        levels: the different values in ascending order.
        codes: unsigned integers, as small as the levels allow for texts, shape (n_rows,): each row's place in them.
    """

    levels: pl.Series
    codes: np.ndarray


def columns_to_split(params: SplitParams, schema: Schema) -> list[str]:
    """The columns of the clean table that `assign_parts` reads; none where only the number of rows matters.

    Raises:
        InputError: a column that is missing, a stratified split without classes.
    """
    if params.method == "stratified":
        if schema.task not in ("binary", "multiclass", "similarity"):
            raise InputError(
                "split.method: stratified is for classes, and the target is a quantity; use method: random"
            )
        return [schema.target]
    if params.column is None:
        return []
    known = [*(column.name for column in schema.columns), *schema.targets, *([schema.weight] if schema.weight else [])]
    if params.column not in known:
        raise InputError(f"split.column: '{params.column}' is not a column{did_you_mean(params.column, known)}")
    of_ranking = [] if schema.query is None else [schema.query, schema.target]
    return list(dict.fromkeys([params.column, *of_ranking]))


def complete(table: pl.DataFrame, params: SplitParams) -> pl.Series:
    """The column that splits.

    Raises:
        InputError: when it has gaps.
    """
    return _without_gaps(table[str(params.column)])


def coded(column: pl.Series) -> Coded:
    """A column without gaps as places in its sorted levels. NaN, in a column that is ignored, is a level."""
    if column.dtype in TEXTS:
        levels = column.unique().cast(pl.String).sort()
        return Coded(levels, column.cast(pl.Enum(levels)).to_physical().to_numpy())
    levels = column.unique().sort()
    return Coded(levels, levels.search_sorted(column).to_numpy())


def first_of(column: pl.Series, levels: pl.Series) -> str:
    """The first value of a column that is one of these."""
    return str(column.filter(column.cast(pl.String).is_in(levels.cast(pl.String).implode()))[0])


def moments(column: pl.Series) -> pl.Series:
    """Numbers that sort by time: of numbers, dates, and texts of both.

    Raises:
        InputError: for texts such as 31.01.2020, which sort by their day, and for what is no time at all.
    """
    if column.dtype in TEXTS:
        return _moments_of_texts(column)
    if not (column.dtype.is_numeric() or column.dtype.is_temporal()):
        raise _no_time(column.name, str(column[0]).lower())
    values = column.to_physical()
    return _without_gaps(values.fill_nan(None) if values.dtype.is_float() else values)


def _moments_of_texts(column: pl.Series) -> pl.Series:
    levels, codes = coded(column)
    values = texts.tidy(levels)
    if values.null_count():
        _without_gaps(texts.tidy(column.cast(pl.String)))  # Raises, with the number of rows.
    if bool(texts.are_numbers(values).all()):
        return pl.Series(np.take(values.cast(pl.Float64).to_numpy(), codes))
    is_date = values.str.contains(YEAR_FIRST) & values.str.head(10).str.to_date("%Y-%m-%d", strict=False).is_not_null()
    if not is_date.all():
        raise _no_time(column.name, first_of(column, levels.filter(~is_date)))
    ranks = values.str.replace("T", " ").rank("dense")  # 2024-01-31T10:00 is 2024-01-31 10:00
    return pl.Series(np.take(ranks.to_numpy(), codes))


def _no_time(name: str, value: str) -> InputError:
    return InputError(f"split.column: '{name}' must hold numbers, or dates as 2024-01-31, however: '{value}'")


def _without_gaps(column: pl.Series) -> pl.Series:
    if column.null_count():
        raise InputError(f"split.column: '{column.name}' has {column.null_count()} gaps; fill them in")
    return column
