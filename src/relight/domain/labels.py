"""Values as the names of classes, levels and series."""

import polars as pl

from relight.domain import texts

EXACT = 2**53  # float64 has every whole number up to here


def as_labels(raw: pl.Series) -> pl.Series:
    """Values as texts; a whole number reads `3`, never `3.0`, whatever type it came in."""
    if raw.dtype.is_float():
        known = raw.fill_nan(None)
        whole = (known == known.round()) & (known.abs() <= EXACT)
        return known.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole, known.cast(pl.String))
    if raw.dtype == pl.Boolean:
        return raw.cast(pl.String)
    return texts.tidy(raw.cast(pl.String))
