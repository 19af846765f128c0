"""Column roles, kinds, read types.

How one column is read: its kind, found out by the first rows or asked for, and held to the last row.

What each column of a table is for: target, weight, or something that a model may see.
"""

from typing import NamedTuple

import polars as pl

from relight.data.schema import Kind
from relight.errors import ValueMismatchError
from relight.prepare.columns import clean_as_kind, clean_column, refuse_leading_zeros
from relight.prepare.params import ColumnKind, PrepareParams
from relight.runtime.messages import did_you_mean

MAX_COMMON_LEVELS = 1000
REQUESTED_REASON = "as prepare.columns says"


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


def plan_column(raw: pl.Series, requested: ColumnKind | None) -> ColumnPlan:
    """Settle the kind of a column by its first rows.

    Raises:
        UncleanError: for values that do not fit, or that no kind fits.
    """
    if requested == "ignore":
        return ColumnPlan(raw.name, "ignored", is_asked=True)
    if requested is not None:
        plan = ColumnPlan(raw.name, requested, is_asked=True, read_as=read_type(requested, raw))
        clean_planned(plan, raw, 1)
        return plan
    try:
        cleaned = clean_column(raw)
    except ValueMismatchError as unfit:
        raise ValueMismatchError(f"{unfit}{_next_step(raw.name, is_asked=False)}") from unfit
    notes = (*cleaned.notes, *_many_levels_notes(cleaned.values))
    return ColumnPlan(raw.name, cleaned.kind, notes=notes, read_as=read_type(cleaned.kind, raw))


def clean_planned(plan: ColumnPlan, raw: pl.Series, first_row: int) -> pl.Series:
    """A stretch of the column.

    Raises:
        UncleanError: for the first value that does not fit the kind.
    """
    why = REQUESTED_REASON if plan.is_asked else "as in the first rows"
    try:
        if plan.kind == "numeric" and not plan.is_asked:
            refuse_leading_zeros(raw, first_row)
        return clean_as_kind(plan.kind, raw, first_row, why)
    except ValueMismatchError as unfit:
        raise ValueMismatchError(f"{unfit}{_next_step(plan.name, plan.is_asked)}") from unfit


def _many_levels_notes(values: pl.Series) -> tuple[str, ...]:
    """A remark on very many names; those that differ in every row are another matter."""
    if values.dtype != pl.String or not MAX_COMMON_LEVELS < values.n_unique() < len(values):
        return ()
    return (f"has more than {MAX_COMMON_LEVELS} different names; of a rare one the model learns little",)


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


def target_names(params: PrepareParams) -> list[str]:
    """One column, or for a label distribution one for each class."""
    return [params.target] if isinstance(params.target, str) else params.target


def feature_names(params: PrepareParams, names: list[str]) -> list[str]:
    """The columns that are neither target nor weight, in their order."""
    taken = {*target_names(params), params.weight}
    return [name for name in names if name not in taken]


def requested_kind(params: PrepareParams, name: str) -> ColumnKind | None:
    """The kind that the params give a column; None where it is to be found out. The query is never a feature."""
    return "ignore" if name in params.ignore or name == params.query else params.columns.get(name)


def role_problems(params: PrepareParams, names: list[str]) -> list[str]:
    """Names that the table does not have, and columns that are asked to be two things at once."""
    targets = target_names(params)
    named = [
        *(("prepare.target", name) for name in targets),
        *([("prepare.weight", params.weight)] if params.weight is not None else []),
        *([("prepare.query", params.query)] if params.query is not None else []),
        *(("prepare.ignore", name) for name in params.ignore),
        *(("prepare.columns", name) for name in params.columns),
    ]
    return [problem for key, name in named if (problem := _role_problem(params, key, name, names))]


def _role_problem(params: PrepareParams, key: str, name: str, names: list[str]) -> str | None:
    is_target = name in target_names(params)
    if key != "prepare.target" and is_target:
        rules = {
            "prepare.ignore": "cannot be ignored",
            "prepare.weight": "cannot be the weight as well",
            "prepare.query": "cannot be the query as well",
        }
        return f"{key}: '{name}' is the target, and {rules.get(key, 'its kind follows from prepare.task')}"
    if name not in names:
        return f"{key}: '{name}' is not a column of {params.source}{did_you_mean(name, names)}"
    if key in ("prepare.ignore", "prepare.columns") and name == params.weight:
        rule = "cannot be ignored" if key == "prepare.ignore" else "must hold numbers"
        return f"{key}: '{name}' is the weight, and {rule}"
    if key == "prepare.columns" and name == params.query and params.columns[name] != "ignore":
        return f"{key}: '{name}' is the query, which the model never sees; delete it here"
    if key == "prepare.columns" and name in params.ignore and params.columns[name] != "ignore":
        return f"{key}: '{name}' is {params.columns[name]} here, and stands in prepare.ignore as well; delete one"
    return None
