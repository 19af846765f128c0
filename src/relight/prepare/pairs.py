"""A raw table of pairs → a clean one and its schema: the columns that both sides have, and which pairs are similar."""

from typing import NamedTuple

import polars as pl

from relight.data.pair_names import bare_name, find_marks, is_suffix, side_column
from relight.data.positive import AUTO
from relight.data.schema import Column, PairColumn, PairColumns, Schema
from relight.data.text_columns import as_labels
from relight.errors import ColumnError, InputError
from relight.prepare.column_plan import REQUESTED_REASON, feature_names, requested_kind, role_problems, target_names
from relight.prepare.columns import TEXT_TYPES, CleanColumn, clean_as_kind, clean_column
from relight.prepare.params import PairsParams, PrepareParams, RequestedKind
from relight.prepare.table import CleanTable
from relight.prepare.targets import clean_target

MAX_LEVELS = 32  # up to this many different values are levels; a column with more is read by its letters

POSITIVE_LABELS = ("1", "true", "yes", "y", "match", "matched", "same", "alike", "similar", "duplicate", "positive")


class _SharedColumn(NamedTuple):
    """A column that both sides have, clean."""

    column: PairColumn
    left: pl.Series
    right: pl.Series


def clean_pairs(raw: pl.DataFrame, params: PrepareParams) -> CleanTable:
    """Return the columns of both sides in their order, the other columns as they came, then weight and target.

    Args:
        raw: CSV as texts.

    Raises:
        InputError: with all that is wrong with the table.
    """
    params, found = _with_marks(params, raw.columns)
    params = _with_both_sides(params, raw.columns)
    problems = role_problems(params, raw.columns)
    names = [name for name in feature_names(params, raw.columns) if requested_kind(params, name) != "ignore"]
    shared = _shared_names(params, names, problems)
    sides = [side for name in shared if (side := _clean_sides(params, raw, name, problems)) is not None]
    weight_and_target, classes = _clean_weight_and_target(params, raw, problems)
    if problems:
        raise InputError(*problems)
    clean = {values.name: values for side in sides for values in (side.left, side.right)}
    columns = [clean.get(name, raw[name]) for name in feature_names(params, raw.columns)]
    schema = _schema(params, raw, [side.column for side in sides], classes, found + _pair_notes(sides, names))
    return CleanTable(pl.DataFrame([*columns, *weight_and_target]), schema)


def _with_marks(params: PrepareParams, columns: list[str]) -> tuple[PrepareParams, list[str]]:
    """Return the params with the marks of the sides that the columns have, and a remark if these are others."""
    asked = (params.pairs.left, params.pairs.right)
    left, right = find_marks(asked, [name for name in columns if name not in target_names(params)])
    if (left, right) == asked:
        return params, []
    note = f"The sides are told by '{left}' and '{right}', because no column has '{asked[0]}' or '{asked[1]}'."
    return params.model_copy(update={"pairs": PairsParams(left=left, right=right)}), [note]


def _with_both_sides(params: PrepareParams, columns: list[str]) -> PrepareParams:
    """Replace the name of a column without its prefix by the names of both sides."""

    def both(name: str) -> list[str]:
        sides = [side_column(mark, name) for mark in (params.pairs.left, params.pairs.right)]
        return [name] if name in columns else [side for side in sides if side in columns] or [name]

    ignore = [side for name in params.ignore for side in both(name)]
    kinds = {side: kind for name, kind in params.columns.items() for side in both(name)}
    return params.model_copy(update={"ignore": ignore, "columns": kinds})


def _shared_names(params: PrepareParams, names: list[str], problems: list[str]) -> list[str]:
    """Return the names, without a prefix, of the columns that both sides have; one on a single side is a problem."""
    left, right = params.pairs.left, params.pairs.right
    left_names, right_names = (
        [bare for name in names if (bare := bare_name(mark, name)) is not None] for mark in (left, right)
    )
    if not left_names or not right_names:
        missing = [prefix for prefix, side_names in ((left, left_names), (right, right_names)) if not side_names]
        shown = " or ".join(f"'{prefix}'" for prefix in missing)
        where = "ends" if is_suffix(missing[0]) else "begins"
        problems.append(
            f"prepare.pairs: {params.table_name} must have columns of both sides, got none that {where} with "
            f"{shown}; rename the columns, or set prepare.pairs to their prefixes, or to suffixes such as _l and _r"
        )
        return []
    unpaired = [
        f"{side_column(left, name)} without {side_column(right, name)}"
        for name in left_names
        if name not in right_names
    ]
    unpaired += [
        f"{side_column(right, name)} without {side_column(left, name)}"
        for name in right_names
        if name not in left_names
    ]
    if unpaired:
        problems.append(
            f"prepare.pairs: both sides must have every column, got {', '.join(unpaired)}; "
            "add the missing column, or name the other one in prepare.ignore"
        )
    return [name for name in left_names if name in right_names]


def _clean_sides(params: PrepareParams, raw: pl.DataFrame, name: str, problems: list[str]) -> _SharedColumn | None:
    left, right = (raw[side_column(mark, name)] for mark in (params.pairs.left, params.pairs.right))
    try:
        requested = _requested_kind(params, left.name, right.name)
        cleaned = _find_kind(left, right, requested)
        sides = [
            clean_as_kind(cleaned.kind, _as_one_type(side, left, right)).cast(cleaned.values.dtype).alias(side.name)
            for side in (left, right)
        ]
    except ColumnError as error:
        problems.append(f"{params.table_name}: column '{name}' of both sides {error}")
        return None
    assert cleaned.kind != "ignored"
    column = PairColumn(name=name, kind=cleaned.kind, is_text=_is_text(cleaned, is_requested=requested is not None))
    return _SharedColumn(column, *sides)


def _requested_kind(params: PrepareParams, left: str, right: str) -> RequestedKind | None:
    kinds = {kind for name in (left, right) if (kind := requested_kind(params, name)) is not None}
    if len(kinds) > 1:
        raise ColumnError(f"must have one kind in prepare.columns, got {', '.join(sorted(kinds))}")
    return kinds.pop() if kinds else None


def _find_kind(left: pl.Series, right: pl.Series, requested: RequestedKind | None) -> CleanColumn:
    """Decide on the kind by the values of both sides together."""
    both = pl.concat([_as_one_type(side, left, right).alias("") for side in (left, right)])
    if requested is not None:
        assert requested != "ignore"
        return CleanColumn(clean_as_kind(requested, both, 1, REQUESTED_REASON), requested)
    try:
        return clean_column(both)
    except ColumnError:
        for side in (left, right):  # the error of one side has the row of the table
            clean_column(side)
        raise


def _as_one_type(values: pl.Series, left: pl.Series, right: pl.Series) -> pl.Series:
    """Cast numbers of two types to Float64; if only one side is text, make texts of both."""
    if left.dtype == right.dtype and left.dtype.is_integer():
        return values
    if left.dtype == right.dtype or (left.dtype.is_numeric() and right.dtype.is_numeric()):
        return values.cast(pl.Float64) if values.dtype.is_numeric() else values
    if left.dtype in TEXT_TYPES and right.dtype in TEXT_TYPES:
        return values.cast(pl.String)
    return as_labels(values) if values.dtype != pl.Null else values.cast(pl.String)


def _is_text(cleaned: CleanColumn, *, is_requested: bool) -> bool:
    """Return whether the letters are compared: of many names, and of whole numbers that may be codes, in which one
    digit may be mistyped (house numbers)."""
    if cleaned.kind not in ("categorical", "numeric") or cleaned.values.drop_nulls().n_unique() <= MAX_LEVELS:
        return False
    if cleaned.kind == "categorical":
        return True
    return not is_requested and bool((cleaned.values == cleaned.values.round()).all())


def _clean_weight_and_target(
    params: PrepareParams, raw: pl.DataFrame, problems: list[str]
) -> tuple[list[pl.Series], list[str]]:
    """Return weight and target, and the two classes, the one of similar pairs last."""
    name = target_names(params)[0]
    if len(target_names(params)) > 1:
        problems.append("prepare.target: must be one column for similarity")
    if problems and name not in raw.columns:
        return [], []
    weight = [] if params.weight is None or params.weight not in raw.columns else _clean_weight(params, raw, problems)
    try:
        target = clean_target(raw[name], "multiclass", params.positive)
        return [*weight, target.values.alias(name)], _alike_last(target.classes or [], params.positive)
    except ColumnError as error:
        problems.append(f"{params.table_name}: target '{name}' {error}")
        return [], []


def _alike_last(classes: list[str], positive: str) -> list[str]:
    """Return the two classes, the one of similar pairs last.

    Raises:
        ColumnError: if there are not two, or if neither prepare.positive nor a name says which one it is.
    """
    if len(classes) != 2:
        raise ColumnError(f"must have 2 classes for similarity, alike and not, got {len(classes)}")
    if positive != AUTO:
        return classes  # as prepare.positive orders them
    alike = [label for label in classes if label.lower() in POSITIVE_LABELS]
    if len(alike) != 1:
        raise ColumnError(
            f"must say which pairs are alike by 1, true, yes, match or same, got {' and '.join(classes)}; "
            "or name the class in prepare.positive"
        )
    return [label for label in classes if label not in alike] + alike


def _clean_weight(params: PrepareParams, raw: pl.DataFrame, problems: list[str]) -> list[pl.Series]:
    try:
        values = clean_as_kind("numeric", raw[str(params.weight)])
    except ColumnError as error:
        problems.append(f"{params.table_name}: weight '{params.weight}' {error}")
        return []
    if values.null_count() or bool((values < 0).any()) or not bool((values > 0).any()):
        problems.append(
            f"{params.table_name}: weight '{params.weight}' must be a number >= 0 in every row, and not always 0"
        )
    return [values]


def _schema(
    params: PrepareParams, raw: pl.DataFrame, shared: list[PairColumn], classes: list[str], notes: list[str]
) -> Schema:
    pairs = PairColumns(left=params.pairs.left, right=params.pairs.right, columns=shared)
    kinds = {side_column(mark, column.name): column.kind for column in shared for mark in (pairs.left, pairs.right)}
    names = feature_names(params, raw.columns)
    return Schema(
        rows=raw.height,
        target=target_names(params)[0],
        targets=target_names(params),
        weight=params.weight,
        task="similarity",
        classes=classes,
        columns=[Column(name=name, kind=kinds.get(name, "ignored")) for name in names],
        generated=None,
        notes=notes,
        pairs=pairs,
    )


def _pair_notes(sides: list[_SharedColumn], names: list[str]) -> list[str]:
    """Return remarks on the columns, in whole sentences."""
    clean = {values.name for side in sides for values in (side.left, side.right)}
    notes = [f"Column '{name}' is of neither side, and is ignored." for name in names if name not in clean]
    for side in sides:
        both = pl.concat([values.alias("") for values in (side.left, side.right)])
        if both.drop_nulls().n_unique() <= 1:
            notes.append(f"Column '{side.column.name}' has no two different values; it tells the model nothing.")
        elif bool((side.left == side.right).fill_null(value=False).all()):
            notes.append(f"Column '{side.column.name}' is the same on both sides of every pair.")
        elif _names_records(side):
            notes.append(
                f"Column '{side.column.name}' has a different value in every row of a side; if it names the record, "
                "add it to prepare.ignore."
            )
    return notes


def _names_records(side: _SharedColumn) -> bool:
    return any(
        side.column.is_text
        and len(values) > MAX_LEVELS
        and not values.null_count()
        and values.n_unique() == len(values)
        for values in (side.left, side.right)
    )
