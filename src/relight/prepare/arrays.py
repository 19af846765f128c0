"""NumPy arrays and Python objects → columns; cells of one type become numbers, texts, dates or booleans."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from relight.errors import ColumnError

ReadColumn = Callable[[], pl.Series]  # raises ColumnError
READABLE = "numbers, texts, dates or booleans"
_CELL_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (  # in this order: True is an int, a datetime is a date
    ("boolean", (bool, np.bool_)),
    ("number", (int, float, np.integer, np.floating, Decimal)),
    ("text", (str,)),
    ("time", (datetime, np.datetime64)),
    ("date", (date,)),
)
_MISSING_NAMES = ("NAType", "NaTType")  # pandas.NA and pandas.NaT, without importing pandas


def from_array(values: Any) -> pl.Series:
    """Return an array (n_rows,) as a column; NaN, NaT and what is masked is null.

    Raises:
        ColumnError: for another shape, or values that no column can hold.
    """
    if not isinstance(values, np.ndarray):
        raise ColumnError(f"must be a NumPy array, got {type(values).__name__}; make one with np.asarray")
    if values.ndim != 1:
        flat = f"; reshape it to ({len(values)}, {values[0].size})" if values.ndim and len(values) else ""
        raise ColumnError(f"must have one or two axes, (n_rows,) or (n_rows, k), got shape {values.shape}{flat}")
    if isinstance(values, np.ma.MaskedArray):
        return with_gaps(from_array(values.data), np.ma.getmaskarray(values))
    match values.dtype.kind:
        case "b" | "i" | "u":
            return pl.Series(_native(values))
        case "f":
            wide = {2: np.float32, 4: np.float32}.get(values.dtype.itemsize, np.float64)
            return pl.Series(_native(values).astype(wide, copy=False)).fill_nan(None)
        case "M" | "m" as kind:
            return pl.Series(values.astype(f"{kind}8[us]"))
        case "U" | "T" | "O":
            return from_cells(values.tolist())
    raise ColumnError(f"must hold {READABLE}, got an array of {values.dtype}; convert it, or leave it out")


def _native(values: np.ndarray) -> np.ndarray:
    """Return the numbers in the byte order of this machine, one next to the other."""
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False))


def from_cells(cells: list[Any]) -> pl.Series:
    """Return Python objects as a column of the one type that they have; None, NaN, NA and NaT are null.

    Raises:
        ColumnError: for objects of several types, or that are no numbers, texts, dates or booleans.
    """
    values = _without_missing(cells)
    rows = zip(range(len(values), 0, -1), reversed(values), strict=True)
    first_rows = {type(cell): row for row, cell in rows if cell is not None}  # the first row wins: it comes last
    found: dict[str, int] = {}
    for cell_type, row in first_rows.items():
        name = _type_name(cell_type, values[row - 1], row)
        found[name] = min(row, found.get(name, row))
    if set(found) == {"date", "time"}:
        found.pop("date")
    if len(found) > 1:
        (one, row), (other, other_row) = sorted(found.items(), key=lambda item: item[1])[:2]
        raise ColumnError(
            f"must hold one type, got a {one} in row {row} ({_shown(values[row - 1])}) and a {other} in row "
            f"{other_row} ({_shown(values[other_row - 1])}); convert it, as with astype(str)"
        )
    return _of_type(next(iter(found), None), values)


def _without_missing(cells: list[Any]) -> list[Any]:
    """Return the objects with None for all that means a missing value; types decide, because cells are many."""
    types = set(map(type, cells))
    missing = {each for each in types if each is type(None) or each.__name__ in _MISSING_NAMES}
    may_be_nan = {each for each in types if issubclass(each, float | np.floating | np.datetime64 | Decimal)}
    return [
        None if type(cell) in missing or (type(cell) in may_be_nan and cell != cell) else cell  # NaN is not itself
        for cell in cells
    ]


def _of_type(cell_type: str | None, values: list[Any]) -> pl.Series:
    match cell_type:
        case "boolean":
            return pl.Series([None if cell is None else bool(cell) for cell in values], dtype=pl.Boolean)
        case "number":
            whole = all(
                cell is None or (isinstance(cell, int | np.integer) and abs(int(cell)) < 2**63) for cell in values
            )
            numbers = [None if cell is None else int(cell) if whole else float(cell) for cell in values]
            return pl.Series(numbers, dtype=pl.Int64 if whole else pl.Float64)
        case "text":
            return pl.Series([None if cell is None else str(cell) for cell in values], dtype=pl.String)
        case "time":
            times = pl.Series([None if cell is None else _utc(cell) for cell in values], dtype=pl.Datetime("us"))
            return on_zone(times, "UTC") if any(getattr(cell, "tzinfo", None) for cell in values) else times
        case "date":
            return pl.Series(values, dtype=pl.Date)
    return gaps(len(values))


def _is_whole(cell: Any) -> bool:
    return isinstance(cell, int | np.integer) and abs(int(cell)) < 2**63


def _utc(cell: Any) -> datetime:
    """Return a time without its zone, in UTC."""
    if isinstance(cell, np.datetime64):
        return cell.astype("datetime64[us]").item()  # type: ignore[no-any-return]
    if not isinstance(cell, datetime):
        return datetime(cell.year, cell.month, cell.day)
    plain = cell.to_pydatetime(warn=False) if hasattr(cell, "to_pydatetime") else cell
    return plain if plain.tzinfo is None else plain.astimezone(UTC).replace(tzinfo=None)


def _type_name(cell_type: type, cell: Any, row: int) -> str:
    found = next((name for name, types in _CELL_TYPES if issubclass(cell_type, types)), None)
    if found is None:
        raise ColumnError(
            f"must hold {READABLE}, got {cell_type.__name__} {_shown(cell)} in row {row}; convert it, or leave it out"
        )
    return found


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else f"{text[:37]}..."


def on_zone(times: pl.Series, zone: str) -> pl.Series:
    """Return times in UTC as those of a zone; of UTC, if Polars does not know it, as `UTC+02:00`."""
    utc = times.dt.replace_time_zone("UTC")
    try:
        return utc.dt.convert_time_zone(zone)
    except pl.exceptions.PolarsError:
        return utc


def gaps(n_rows: int) -> pl.Series:
    """Return a column without values."""
    return pl.Series([None] * n_rows, dtype=pl.Null)


def with_gaps(values: pl.Series, missing: np.ndarray) -> pl.Series:
    """Return the values with null where `missing`, bool (n_rows,), says so."""
    return pl.select(pl.when(pl.Series(~missing)).then(values)).to_series() if missing.any() else values
