"""A column of raw texts → plain ones: gaps as nulls, numbers as 1234.5."""

import re
from collections.abc import Collection, Iterable

import polars as pl

from relight.data.text_format import NumberFormat
from relight.prepare.columns import TEXT_TYPES
from relight.prepare.plain.numbers import plain_numbers


def plain_column(column: pl.Series, words: Collection[str], form: NumberFormat | None = None) -> pl.Series:
    """Return a column with gaps as nulls and numbers as 1234.5; one of another type than texts mostly stays.

    Args:
        words: that mean a gap.
        form: how its numbers are written; None for a column of other texts.
    """
    if column.dtype not in TEXT_TYPES:
        gaps = numbers_of([*words, *(form.missing if form else [])])
        is_gap = column.cast(pl.Float64).is_in(gaps) if gaps and column.dtype.is_numeric() else None
        return column if is_gap is None or not is_gap.any() else column.set(is_gap.fill_null(value=False), None)
    texts = column.cast(pl.String).str.strip_chars()
    texts = texts.set(texts.is_in(["", *words]), None)
    if form is None:
        return texts
    plain = plain_numbers(texts, form)
    gaps = numbers_of(form.missing)
    return plain.set(plain.cast(pl.Float64, strict=False).is_in(gaps), None) if gaps else plain


def numbers_of(words: Iterable[str]) -> list[float]:
    """Return those of the words that are numbers, such as -999."""
    return [float(word) for word in words if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", word)]
