"""How one column is read: its kind, found out by the first rows or asked for, and held to the last row."""

from typing import NamedTuple

import polars as pl

from relight.domain.columns import UnfitValueError, clean_as, clean_column, refuse_leading_zeros
from relight.domain.schema import Kind
from relight.params.prepare import ColumnKind

MANY_NAMES = 1000
ASKED = "as prepare.columns says"


class ColumnPlan(NamedTuple):
    """
    Attributes:
        is_asked: whether the params say the kind.
        notes: what a person should know of the choice.
        read_as: the type as which a CSV may hand the column out, instead of as texts; None for texts.
    """

    name: str
    kind: Kind
    is_asked: bool = False
    notes: tuple[str, ...] = ()
    read_as: type[pl.DataType] | None = None


def plan_column(raw: pl.Series, asked: ColumnKind | None) -> ColumnPlan:
    """Settle the kind of a column by its first rows.

    Raises:
        UncleanError: for values that do not fit, or that no kind fits.
    """
    if asked == "ignore":
        return ColumnPlan(raw.name, "ignored", is_asked=True)
    if asked is not None:
        plan = ColumnPlan(raw.name, asked, is_asked=True, read_as=read_type(asked, raw))
        clean_planned(plan, raw, 1)
        return plan
    try:
        cleaned = clean_column(raw)
    except UnfitValueError as unfit:
        raise UnfitValueError(f"{unfit}{_next_step(raw.name, is_asked=False)}") from unfit
    notes = (*cleaned.notes, *_names(cleaned.values))
    return ColumnPlan(raw.name, cleaned.kind, notes=notes, read_as=read_type(cleaned.kind, raw))


def clean_planned(plan: ColumnPlan, raw: pl.Series, first_row: int) -> pl.Series:
    """A stretch of the column.

    Raises:
        UncleanError: for the first value that does not fit the kind.
    """
    why = ASKED if plan.is_asked else "as in the first rows"
    try:
        if plan.kind == "numeric" and not plan.is_asked:
            refuse_leading_zeros(raw, first_row)
        return clean_as(plan.kind, raw, first_row, why)
    except UnfitValueError as unfit:
        raise UnfitValueError(f"{unfit}{_next_step(plan.name, plan.is_asked)}") from unfit


def _names(values: pl.Series) -> tuple[str, ...]:
    """A remark on very many names; those that differ in every row are another matter."""
    if values.dtype != pl.String or not MANY_NAMES < values.n_unique() < len(values):
        return ()
    return (f"has more than {MANY_NAMES} different names; of a rare one the model learns little",)


def read_type(kind: Kind, raw: pl.Series) -> type[pl.DataType] | None:
    """A type that takes the texts of a CSV as they stand, without a word for a gap or a space to be cut off."""
    if raw.dtype != pl.String:
        return None
    if kind == "numeric" and raw.cast(pl.Float64, strict=False).null_count() == raw.null_count():
        return pl.Float64
    if kind == "boolean" and bool(raw.str.to_lowercase().is_in(["true", "false"]).all()):
        return pl.Boolean
    return None


def _next_step(name: str, is_asked: bool) -> str:
    if is_asked:
        return f"; or change the kind of '{name}' in prepare.columns"
    return f"; or, if it holds names, say so: prepare.columns: {{{name}: categorical}}"
