"""A raw column → a clean one of a kind: Float64 (Int64 or UInt64 beyond 2**53), Boolean, Datetime or String, gaps as
nulls.

`clean_column` finds the kind out, `clean_as_kind` is given it. Both raise a `ColumnError` whose text has the row,
the value and the next step.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data import text_columns
from relight.data.schema import ColumnKind
from relight.data.text_columns import as_labels, with_whole_numbers
from relight.errors import ColumnError, ValueMismatchError
from relight.prepare import times

FLOAT32_MAX = float(np.finfo(np.float32).max)

TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)


class CleanColumn(NamedTuple):
    """A clean column, its kind, and remarks on it, which follow "Column 'name' " in a sentence."""

    values: pl.Series
    kind: ColumnKind
    notes: tuple[str, ...] = ()


def clean_column(raw: pl.Series) -> CleanColumn:
    """Decide on the kind by all values of the column, and clean it.

    Raises:
        ColumnError: dates that can be read in two ways, nested types, infinite values, numbers with mistakes
            among them.
    """
    if raw.dtype == pl.Boolean:
        return CleanColumn(raw, "boolean")
    if raw.dtype.is_numeric() or raw.dtype == pl.Null:
        return CleanColumn(_as_finite(raw, raw.cast(pl.Float64), 1), "numeric")
    if raw.dtype in TEXT_TYPES:
        return _clean_texts(raw.cast(pl.String))
    if raw.dtype in (pl.Date, pl.Datetime):
        return CleanColumn(times.without_time_zone(raw), "datetime")
    raise ColumnError(f"is of type {raw.dtype}, which a model cannot read; add it to prepare.ignore")


def clean_as_kind(kind: ColumnKind, raw: pl.Series, first_row: int = 1, why: str = "as in training") -> pl.Series:
    """Clean a column, or a chunk of one, as a given kind.

    Args:
        first_row: the row of the first value, counted from 1, for the messages.
        why: the reason for this kind, for the messages.

    Raises:
        ColumnError: for a type that cannot have this kind.
        ValueMismatchError: with the first value that does not fit the kind.
    """
    if kind == "ignored":
        return raw
    if not _accepts(kind, raw.dtype):
        raise ColumnError(f"must be {kind}, {why}, got type {raw.dtype}")
    match kind:
        case "numeric":
            return _as_finite(raw, _as_numbers(raw, first_row), first_row)
        case "boolean":
            return raw if raw.dtype == pl.Boolean else _as_booleans(raw, first_row)
        case "datetime":
            return _as_datetimes(raw, first_row)
        case "categorical":
            return as_labels(raw)


def refuse_leading_zeros(raw: pl.Series, first_row: int) -> None:
    """Refuse codes in a column whose first rows are numbers.

    Raises:
        ValueMismatchError: with the first value such as 007.
    """
    if raw.dtype in TEXT_TYPES:
        values = raw.cast(pl.String)
        codes = text_columns.have_leading_zero(values)
        if codes.any():
            at = _first_index(codes)
            raise ValueMismatchError(
                f"row {first_row + at} must be a number without leading zeros, as the rows before, "
                f"got {_quoted(values, at)}"
            )


def _accepts(kind: ColumnKind, dtype: pl.DataType) -> bool:
    if kind == "datetime":
        return dtype in (*TEXT_TYPES, pl.Date, pl.Datetime, pl.Null)
    return dtype in (*TEXT_TYPES, pl.Boolean, pl.Null) or dtype.is_numeric()


def _clean_texts(values: pl.Series) -> CleanColumn:
    if values.null_count() == len(values):
        return CleanColumn(values.cast(pl.Float64), "numeric")
    if (numbers := text_columns.as_plain_numbers(values)) is not None:
        return CleanColumn(_as_finite(values, numbers, 1), "numeric")
    if text_columns.are_booleans(values):
        return CleanColumn(_as_booleans(values, 1), "boolean")
    if text_columns.are_dates(values):
        return CleanColumn(_as_dates(values), "datetime")
    _refuse_infinite(values, 1)
    if text_columns.are_mostly_numbers(values):
        if text_columns.any_leading_zeros(values):
            remark = "has leading zeros, and was read as categories"
            return CleanColumn(with_whole_numbers(values), "categorical", (remark,))
        return CleanColumn(_as_finite(values, _as_numbers(values, 1), 1), "numeric")
    if text_columns.have_decimal_commas(values):
        raise ColumnError("has numbers with commas in them; write 1234.5, with a decimal point and no commas")
    mixed = ("holds numbers and words, and was read as categories",) if text_columns.are_half_numbers(values) else ()
    return CleanColumn(with_whole_numbers(values), "categorical", mixed)


def _as_numbers(raw: pl.Series, first_row: int) -> pl.Series:
    if raw.dtype.is_numeric() or raw.dtype == pl.Null:
        return raw.cast(pl.Float64)
    values = raw.cast(pl.String)
    if (numbers := text_columns.as_plain_numbers(values)) is not None:
        return numbers
    _refuse_infinite(values, first_row)
    wrong = ~text_columns.are_numbers(values)
    if wrong.any():
        at = _first_index(wrong)
        raise ValueMismatchError(
            f"row {first_row + at} must be a number, got {_quoted(values, at)}; fix the value or leave it empty"
        )
    return values.cast(pl.Float64)


def _as_booleans(raw: pl.Series, first_row: int) -> pl.Series:
    raw = raw.fill_nan(None) if raw.dtype.is_float() else raw
    values = raw.cast(pl.String)
    lower = values.str.to_lowercase().replace({"1": "true", "0": "false", "1.0": "true", "0.0": "false"})
    wrong = ~lower.is_in(["true", "false"])
    if wrong.any():
        at = _first_index(wrong)
        raise ValueMismatchError(f"row {first_row + at} must be true or false, got {_quoted(values, at)}")
    return lower == "true"


def _as_dates(values: pl.Series) -> pl.Series:
    """Parse texts that look like dates; 01/02/2020 is refused, because either number may be the month."""
    odd = ~times.are_iso(values)
    if not bool(odd.all()) and times.are_mostly_iso(values):
        return _as_datetimes(values, 1)
    raise ColumnError(
        f"holds dates or times such as {_quoted(values, _first_index(odd))}; write them as 2020-01-31 or "
        "2020-01-31 12:30:00, or add the column to prepare.ignore"
    )


def _as_datetimes(raw: pl.Series, first_row: int) -> pl.Series:
    if raw.dtype in (pl.Date, pl.Datetime):
        return times.without_time_zone(raw)
    values = raw.cast(pl.String)
    parsed = times.parse_dates(values)
    wrong = parsed.is_null() & values.is_not_null()
    if wrong.any():
        at = _first_index(wrong)
        raise ValueMismatchError(
            f"row {first_row + at} must be a date such as 2020-01-31 or 2020-01-31 12:30:00, got "
            f"{_quoted(values, at)}; fix the value or leave it empty"
        )
    return parsed


def _as_finite(raw: pl.Series, numbers: pl.Series, first_row: int) -> pl.Series:
    """Turn NaN into gaps, refuse what float32 cannot hold, and keep each digit of a whole number.

    Args:
        raw: the values as they came.
        numbers: the same as Float64.
    """
    filled = numbers.fill_nan(None) if numbers.is_nan().any() else numbers
    ends = [abs(end) for end in (filled.min(), filled.max()) if isinstance(end, float)]
    if any(end > FLOAT32_MAX for end in ends):
        at = _first_index(filled.abs() > FLOAT32_MAX)
        what = "infinite" if np.isinf(filled[at]) else f"beyond float32 ({filled[at]:g})"
        raise ColumnError(f"row {first_row + at} is {what}; fix the value or leave it empty")
    if not any(end > text_columns.MAX_EXACT_INTEGER for end in ends):
        return filled
    shown = raw.cast(pl.String) if raw.dtype in TEXT_TYPES else raw
    return text_columns.exact_whole_numbers(shown, filled)


def _refuse_infinite(values: pl.Series, first_row: int) -> None:
    infinite = text_columns.are_infinite(values)
    if infinite.any():
        raise ColumnError(f"row {first_row + _first_index(infinite)} is infinite; fix the value or leave it empty")


def _first_index(flags: pl.Series) -> int:
    """Return the index of the first flag that is set."""
    return int(flags.fill_null(value=False).arg_max() or 0)


def _quoted(values: pl.Series, at: int) -> str:
    return f"'{values[at][:40]}'"
