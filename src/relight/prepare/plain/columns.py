"""A column of raw values → a plain one: gaps as nulls, numbers as 1234.5."""

import re
from collections.abc import Iterable, Sequence

import polars as pl

from relight.data.text_format import NumberFormat
from relight.prepare.columns import TEXT_TYPES
from relight.prepare.plain.numbers import plain_numbers


def with_gaps(column: pl.Series, words: Sequence[str]) -> pl.Series:
    """Return a column with nulls for the words that mean a gap, and texts without spaces around them.

    Args:
        words: without spaces; a number among them is a gap in a column of numbers, too.
    """
    if column.dtype in TEXT_TYPES:
        if _holds_numbers_alone(column, words):
            return column
        texts = column.cast(pl.String).str.strip_chars()
        return _without(texts, texts.is_in(["", *words]))
    gaps = numbers_of(words) if column.dtype.is_numeric() else []
    return _without(column, column.cast(pl.Float64).is_in(gaps)) if gaps else column


def with_numbers(column: pl.Series, form: NumberFormat) -> pl.Series:
    """Return a column `with_gaps` whose numbers are written as 1234.5."""
    gaps = numbers_of(form.missing)
    plain = plain_numbers(column, form) if column.dtype == pl.String else column
    return _without(plain, plain.cast(pl.Float64, strict=False).is_in(gaps)) if gaps else plain


def numbers_of(words: Iterable[str]) -> list[float]:
    """Return those of the words that are numbers, such as -999."""
    return [float(word) for word in words if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", word)]


def _holds_numbers_alone(texts: pl.Series, words: Sequence[str]) -> bool:
    """Return whether no text is a word or has spaces: it costs a third of looking for them."""
    if texts.dtype != pl.String or numbers_of(words):
        return False
    numbers = texts.cast(pl.Float64, strict=False)
    return numbers.null_count() == texts.null_count() and not numbers.is_nan().any()


def _without(values: pl.Series, are_gaps: pl.Series) -> pl.Series:
    return values.set(are_gaps.fill_null(value=False), None) if are_gaps.any() else values
