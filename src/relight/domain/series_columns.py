"""A column beside the target of series → numbers, or names of which a forecast reads the frequent ones."""

import polars as pl

from relight.domain.columns import clean_as, clean_column
from relight.domain.labels import as_labels
from relight.domain.naming import did_you_mean
from relight.params.prepare import ColumnKind, PrepareParams

NEARLY = 0.9  # names of which so many are different tell no two rows to be alike


def clean_covariate(name: str, raw: pl.Series, asked: ColumnKind | None) -> tuple[pl.Series | None, list[str]]:
    """Float64 or String, or None for what a forecast cannot read; and what a person should know of it.

    Args:
        asked: the kind that the params give it.

    Raises:
        UncleanError: for values that do not fit the kind.
    """
    if asked == "ignore":
        return None, []
    if asked == "categorical":
        return as_labels(raw), []
    cleaned = clean_column(raw)
    if cleaned.kind in ("numeric", "boolean"):
        return cleaned.values.cast(pl.Float64), []
    if asked in ("numeric", "boolean"):
        return clean_as(asked, raw, why="as asked").cast(pl.Float64), []
    if cleaned.kind == "datetime":
        return None, [f"Column '{name}' holds dates; a forecast reads no other than its time, and leaves it out."]
    known = cleaned.values.drop_nulls()
    if known.n_unique() > NEARLY * len(known):
        return None, [f"Column '{name}' has another text in nearly each row, which tells nothing; it is left out."]
    return cleaned.values, [f"Column '{name}' {note}." for note in cleaned.notes]


def column_problems(params: PrepareParams, roles: set[str | None], names: list[str]) -> list[str]:
    """What `prepare.columns` cannot say."""
    missing = [
        f"prepare.columns: '{name}' is not a column of {params.source}{did_you_mean(name, names)}"
        for name in params.columns
        if name not in names
    ]
    return missing + [
        f"prepare.columns: '{name}' is the target, the time or the series, and its kind follows from that"
        for name in params.columns
        if name in roles
    ]
