"""Frames of pandas → columns. pandas is not imported: a frame of it is there only if someone has imported it."""

import sys
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from relight.prepare.arrays import ReadColumn, from_array, from_cells, gaps, on_zone, with_gaps


def is_pandas_frame(value: object) -> bool:
    """Return whether it is a DataFrame of pandas."""
    frame_type = getattr(sys.modules.get("pandas"), "DataFrame", None)
    return frame_type is not None and isinstance(value, frame_type)


def pandas_columns(frame: Any) -> list[tuple[object, ReadColumn]]:
    """Return the name of each column and what reads it; a named level of the index comes first.

    An index without a name numbers the rows, and is left out.
    """
    levels = [
        (name, frame.index.get_level_values(level).to_series())
        for level, name in enumerate(frame.index.names)
        if name is not None
    ]
    columns = [(name, frame.iloc[:, position]) for position, name in enumerate(frame.columns)]
    return [(name, partial(from_pandas, values)) for name, values in (*levels, *columns)]


def from_pandas(column: Any) -> pl.Series:
    """Return a Series of pandas as a column; what pandas counts as missing is null, a time with a zone keeps it.

    Raises:
        ColumnError: for values that no column can hold.
    """
    dtype = column.dtype
    if hasattr(dtype, "categories"):
        levels, codes = from_pandas(column.cat.categories.to_series()), column.cat.codes.to_numpy()
        return with_gaps(levels.gather(np.maximum(codes, 0)) if len(levels) else gaps(len(codes)), codes < 0)
    if dtype.kind == "M" and not str(dtype).startswith(("date32", "date64")):  # dates of Arrow are objects to pandas
        zoned = getattr(dtype, "tz", None) is not None
        times = column.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else column
        values = from_array(times.to_numpy(dtype="datetime64[us]"))
        return on_zone(values, str(dtype.tz)) if zoned else values
    if dtype.kind != "O" and (isinstance(dtype, np.dtype) or hasattr(dtype, "subtype")):  # or sparse
        return from_array(np.asarray(column))
    if dtype.kind in "biuf":
        values = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return with_gaps(from_array(values), column.isna().to_numpy())
    return from_cells(column.astype(object).tolist())
