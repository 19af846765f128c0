"""A raw column → a clean one of a known kind: Float64, Boolean or String, gaps as nulls.

`clean_column` finds the kind out (prepare); `clean_as` is told it (predict). Both refuse by
raising `UncleanError`, whose text says row, value and next step.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.domain import texts
from relight.domain.schema import Kind

LARGEST = float(np.finfo(np.float32).max)
EXACT = 2**53  # float64 has every whole number up to here
TEXTS = (pl.String, pl.Categorical, pl.Enum)
DATES = "holds dates or times, which are not read yet; write it as a number, or add it to prepare.ignore"


class UncleanError(Exception):
    """A column that cannot be used as it is."""


class Cleaned(NamedTuple):
    values: pl.Series
    kind: Kind
    notes: tuple[str, ...] = ()


def clean_column(raw: pl.Series) -> Cleaned:
    """Decide on the kind by all values of the column, and clean it.

    Raises:
        UncleanError: dates, nested types, infinite values, numbers with mistakes among them.
    """
    if raw.dtype == pl.Boolean:
        return Cleaned(raw, "boolean")
    if raw.dtype.is_numeric() or raw.dtype == pl.Null:
        return Cleaned(_finite(raw.cast(pl.Float64)), "numeric")
    if raw.dtype in TEXTS:
        return _clean_texts(texts.tidy(raw.cast(pl.String)))
    if raw.dtype.is_temporal():
        raise UncleanError(DATES)
    raise UncleanError(f"is of type {raw.dtype}, which a model cannot read; add it to prepare.ignore")


def clean_as(kind: Kind, raw: pl.Series) -> pl.Series:
    """Clean a column whose kind is known from the training table.

    Raises:
        UncleanError: with the first value that does not fit the kind.
    """
    if not (raw.dtype.is_numeric() or raw.dtype in (*TEXTS, pl.Boolean, pl.Null)):
        raise UncleanError(f"must be {kind}, as in training, however: it is of type {raw.dtype}")
    tidied = texts.tidy(raw.cast(pl.String)) if not raw.dtype.is_numeric() else raw
    match kind:
        case "numeric":
            return _finite(_as_numbers(tidied))
        case "boolean":
            return _as_booleans(texts.tidy(raw.cast(pl.String)))
        case _:
            return as_labels(raw)


def as_labels(raw: pl.Series) -> pl.Series:
    """Values as texts; a whole number reads `3`, never `3.0`, whatever type it came in."""
    if raw.dtype.is_float():
        known = raw.fill_nan(None).drop_nulls()
        whole = bool(((known == known.round()) & (known.abs() <= EXACT)).all())
        raw = raw.cast(pl.Int64, strict=False) if whole else raw
    if raw.dtype == pl.Boolean:
        return raw.cast(pl.String)
    return texts.tidy(raw.cast(pl.String))


def _clean_texts(values: pl.Series) -> Cleaned:
    if values.null_count() == len(values):
        return Cleaned(values.cast(pl.Float64), "numeric")
    if texts.are_booleans(values):
        return Cleaned(_as_booleans(values), "boolean")
    if texts.are_dates(values):
        raise UncleanError(DATES)
    _refuse_infinite(values)
    if texts.are_mostly_numbers(values):
        if texts.have_leading_zeros(values):
            return Cleaned(values, "categorical", ("has leading zeros, and was read as categories",))
        return Cleaned(_finite(_as_numbers(values)), "numeric")
    if texts.have_decimal_commas(values):
        raise UncleanError("has numbers with commas in them; write 1234.5, with a decimal point alone")
    return Cleaned(values, "categorical")


def _as_numbers(values: pl.Series) -> pl.Series:
    if values.dtype.is_numeric():
        return values.cast(pl.Float64)
    _refuse_infinite(values)
    wrong = ~texts.are_numbers(values)
    if wrong.any():
        row = _first(wrong)
        raise UncleanError(f"row {row} is not a number, however: '{values[row - 1][:40]}'; mend the value, or empty it")
    return values.cast(pl.Float64)


def _as_booleans(values: pl.Series) -> pl.Series:
    lower = values.str.to_lowercase().replace({"1": "true", "0": "false", "1.0": "true", "0.0": "false"})
    wrong = ~lower.is_in(["true", "false"])
    if wrong.any():
        row = _first(wrong)
        raise UncleanError(f"row {row} is neither true nor false, however: '{values[row - 1][:40]}'")
    return lower == "true"


def _finite(values: pl.Series) -> pl.Series:
    """NaN is a gap; what float32 cannot hold is refused."""
    filled = values.fill_nan(None)
    beyond = filled.abs() > LARGEST
    if beyond.any():
        row = _first(beyond)
        what = "infinite" if np.isinf(filled[row - 1]) else f"beyond float32 ({filled[row - 1]:g})"
        raise UncleanError(f"row {row} is {what}; mend the value, or empty it")
    return filled


def _refuse_infinite(values: pl.Series) -> None:
    if texts.are_infinite(values).any():
        raise UncleanError(f"row {_first(texts.are_infinite(values))} is infinite; mend the value, or empty it")


def _first(flags: pl.Series) -> int:
    """The row (from 1) of the first flag that is set."""
    return int(flags.fill_null(value=False).arg_max() or 0) + 1
