"""The plan of each column of a table: its role (target, weight, query or feature), and its kind, which the first rows
or the params decide and which holds to the last row."""

from typing import NamedTuple

import polars as pl

from relight.data import text_columns
from relight.data.index_columns import index_note, nameless_note
from relight.data.schema import ColumnKind
from relight.errors import ValueMismatchError
from relight.prepare.columns import clean_as_kind, clean_column, refuse_leading_zeros
from relight.prepare.params import PrepareParams, RequestedKind
from relight.prepare.zones import find_zone
from relight.runtime.messages import did_you_mean

MAX_COMMON_LEVELS = 1000
REQUESTED_REASON = "as prepare.columns says"


class ColumnPlan(NamedTuple):
    """The role and the kind of one column.

    Attributes:
        is_requested: whether the params give the kind.
        notes: remarks on the choice, which follow "Column 'name' " in a sentence.
        read_as: the type that the column of a CSV may be read as, instead of as texts; None for texts.
        zone: of times; None for UTC and for times without an offset.
        number_type: of a numeric column: Float64, or Int64 or UInt64 if the first rows are whole numbers beyond 2**53.
    """

    name: str
    kind: ColumnKind
    is_requested: bool = False
    notes: tuple[str, ...] = ()
    read_as: type[pl.DataType] | None = None
    number_type: pl.DataType | type[pl.DataType] = pl.Float64
    zone: str | None = None


def plan_column(raw: pl.Series, requested: RequestedKind | None, zone: str | None = None) -> ColumnPlan:
    """Decide on the kind of a column by its first rows.

    Args:
        zone: that the params name for it.

    Raises:
        ColumnError: for values that do not fit, or that no kind fits.
    """
    plan = _plan_kind(raw, requested)
    if plan.kind != "datetime":
        return plan
    found = find_zone(raw, _clean_as_planned(plan, raw, 1), zone)
    return plan._replace(zone=found.zone, notes=(*plan.notes, *([found.note] if found.note else [])))


def _plan_kind(raw: pl.Series, requested: RequestedKind | None) -> ColumnPlan:
    if requested == "ignore":
        return ColumnPlan(raw.name, "ignored", is_requested=True)
    if requested is not None:
        plan = ColumnPlan(raw.name, requested, is_requested=True, read_as=read_type(requested, raw))
        return plan._replace(number_type=_number_type(_clean_as_planned(plan, raw, 1)))
    if (note := index_note(raw)) is not None:
        return ColumnPlan(raw.name, "ignored", notes=(note,))
    try:
        cleaned = clean_column(raw)
    except ValueMismatchError as error:
        raise ValueMismatchError(f"{error}{_next_step(raw.name, is_requested=False)}") from error
    notes = (*filter(None, [nameless_note(raw.name)]), *cleaned.notes, *_many_levels_notes(cleaned.values))
    return ColumnPlan(
        raw.name,
        cleaned.kind,
        notes=notes,
        read_as=read_type(cleaned.kind, raw),
        number_type=_number_type(cleaned.values),
    )


def clean_planned(plan: ColumnPlan, raw: pl.Series, first_row: int) -> pl.Series:
    """Clean a chunk of the column.

    Raises:
        ColumnError: for the first value that does not fit the kind.
    """
    values = _clean_as_planned(plan, raw, first_row)
    if plan.kind != "numeric" or values.dtype == plan.number_type:
        return values
    exact = values.cast(plan.number_type, strict=False)
    wrong = (exact.is_null() & values.is_not_null()) | (exact.cast(values.dtype) != values).fill_null(value=False)
    if plan.number_type != pl.Float64 and wrong.any():
        at = int(wrong.arg_max() or 0)
        raise ValueMismatchError(
            f"row {first_row + at} must be a whole number of {plan.number_type}, because the first rows hold whole "
            f"numbers beyond 2**53, got {values[at]}; fix the value{_next_step(plan.name, is_requested=False)}"
        )
    return exact


def _number_type(values: pl.Series) -> pl.DataType | type[pl.DataType]:
    return values.dtype if values.dtype.is_integer() else pl.Float64


def _clean_as_planned(plan: ColumnPlan, raw: pl.Series, first_row: int) -> pl.Series:
    why = REQUESTED_REASON if plan.is_requested else "as in the first rows"
    try:
        if plan.kind == "numeric" and not plan.is_requested:
            refuse_leading_zeros(raw, first_row)
        return clean_as_kind(plan.kind, raw, first_row, why)
    except ValueMismatchError as error:
        raise ValueMismatchError(f"{error}{_next_step(plan.name, plan.is_requested)}") from error


def _many_levels_notes(values: pl.Series) -> tuple[str, ...]:
    """Return a remark on very many names; names that differ in every row have a remark of their own."""
    if values.dtype != pl.String or not MAX_COMMON_LEVELS < values.n_unique() < len(values):
        return ()
    return (f"has more than {MAX_COMMON_LEVELS} different names; the model learns little about rare ones",)


def read_type(kind: ColumnKind, raw: pl.Series) -> type[pl.DataType] | None:
    """Return a type that reads the texts of a CSV as they are, if none is a word for a gap or has spaces around it."""
    if raw.dtype != pl.String:
        return None
    numbers = raw.cast(pl.Float64, strict=False) if kind == "numeric" else None
    if numbers is not None and numbers.null_count() == raw.null_count():
        exact = text_columns.exact_whole_numbers(raw, numbers)
        return pl.Int64 if exact.dtype == pl.Int64 else pl.UInt64 if exact.dtype == pl.UInt64 else pl.Float64
    if kind == "boolean" and bool(raw.str.to_lowercase().is_in(["true", "false"]).all()):
        return pl.Boolean
    return None


def _next_step(name: str, is_requested: bool) -> str:
    if is_requested:
        return f"; or change the kind of '{name}' in prepare.columns"
    return f"; or, if it holds names, say so: prepare.columns: {{{name}: categorical}}"


def target_names(params: PrepareParams) -> list[str]:
    """Return the columns of the target: one, or for a label distribution one for each class."""
    return [params.target] if isinstance(params.target, str) else params.target


def feature_names(params: PrepareParams, names: list[str]) -> list[str]:
    """Return the columns that are neither target nor weight, in their order."""
    taken = {*target_names(params), params.weight}
    return [name for name in names if name not in taken]


def requested_kind(params: PrepareParams, name: str) -> RequestedKind | None:
    """Return the kind that the params give a column; None if the values decide. The query is never a feature."""
    return "ignore" if name in params.ignore or name == params.query else params.columns.get(name)


def role_problems(params: PrepareParams, names: list[str]) -> list[str]:
    """Return what is wrong with the names in the params: missing columns, and columns with two roles."""
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
    if key == "prepare.columns" and is_target and params.columns[name] == "categorical":
        return None  # what follows from the task; a target of quantities is told when it is read
    if key != "prepare.target" and is_target:
        rules = {
            "prepare.ignore": "cannot be ignored",
            "prepare.weight": "cannot be the weight as well",
            "prepare.query": "cannot be the query as well",
        }
        return f"{key}: '{name}' is the target, and {rules.get(key, 'its kind follows from prepare.task')}"
    if name not in names:
        return f"{key}: '{name}' is not a column of {params.table_name}{did_you_mean(name, names)}"
    if key in ("prepare.ignore", "prepare.columns") and name == params.weight:
        rule = "cannot be ignored" if key == "prepare.ignore" else "must hold numbers"
        return f"{key}: '{name}' is the weight, and {rule}"
    if key == "prepare.columns" and name == params.query and params.columns[name] != "ignore":
        return f"{key}: '{name}' is the query, which the model never sees; delete it here"
    if key == "prepare.columns" and name in params.ignore and params.columns[name] != "ignore":
        return f"{key}: '{name}' is {params.columns[name]} here, and is in prepare.ignore as well; delete one"
    return None
