"""Tables in memory → Polars frames: frames of Polars, whose types are kept, frames of pandas, NumPy arrays by name."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from relight.data.index_columns import with_index_name
from relight.data.text_columns import name_problems
from relight.errors import ColumnError, InputError
from relight.prepare.arrays import ReadColumn, from_array, from_cells
from relight.prepare.pandas_frames import is_pandas_frame, pandas_columns


class TableHead(NamedTuple):
    """The first rows, and whether there are no others."""

    rows: pl.DataFrame
    is_whole: bool


def is_table(value: object) -> bool:
    """Return whether it is a frame of Polars or pandas, or arrays by name."""
    return isinstance(value, pl.DataFrame | Mapping) or is_pandas_frame(value)


def as_frame(table: Any) -> pl.DataFrame:
    """Return a table as a frame of Polars, without spaces around the names of its columns.

    Args:
        table: a frame of Polars or pandas, or a mapping of names to arrays: (n_rows,) is a column, (n_rows, k) are the
            columns `name_0` to `name_{k-1}`.

    Raises:
        InputError: with all that is wrong with its columns; no problem names the table.
    """
    columns = _columns(table)
    stripped: list[Any] = [name.strip() if isinstance(name, str) else name for name, _ in columns]
    names = with_index_name(stripped)
    problems = _name_problems(names)
    if problems:
        raise InputError(*problems)
    values: list[pl.Series] = []
    for name, (_, read) in zip(names, columns, strict=True):
        try:
            values.append(read().alias(str(name)))
        except ColumnError as error:
            problems.append(f"column '{name}' {error}")
    problems = problems or _length_problems(values)
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(values)


def _columns(table: Any) -> list[tuple[object, ReadColumn]]:
    """Return the name of each column and what reads it."""
    if isinstance(table, pl.DataFrame):
        return [(column.name, partial(_from_polars, column)) for column in table]
    if is_pandas_frame(table):
        return pandas_columns(table)
    return [part for name, array in table.items() for part in _array_columns(name, array)]


def _name_problems(names: list[Any]) -> list[str]:
    if not names:
        return ["has no columns"]
    other = next((name for name in names if not isinstance(name, str)), None)
    if other is not None:
        return [f"names of columns must be texts, got {other!r} ({type(other).__name__}); rename the columns"]
    return name_problems(names)


def _length_problems(columns: list[pl.Series]) -> list[str]:
    if len({len(column) for column in columns}) == 1:
        return []
    shown = ", ".join(f"{column.name}: {len(column)}" for column in columns[:10])
    return [f"columns must have the same number of rows, got {shown}"]


def _from_polars(column: pl.Series) -> pl.Series:
    return from_cells(column.to_list()) if column.dtype == pl.Object else column


def _array_columns(name: object, array: Any) -> Iterable[tuple[object, ReadColumn]]:
    if isinstance(name, str) and isinstance(array, np.ndarray) and array.ndim == 2:
        return [(f"{name}_{index}", partial(from_array, array[:, index])) for index in range(array.shape[1])]
    return [(name, partial(from_array, array))]
