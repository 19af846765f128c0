"""The columns that a model learns: a quantity, class labels, grades of relevance; and the queries of a ranking.

`plan_target` decides on the task by the first rows, `clean_target_as` cleans any chunk, `resolve_classes` ends
with all labels that were seen. `clean_target` is all three for a whole table.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

import polars as pl

from relight.data import text_columns
from relight.data.positive import AUTO, with_positive_last
from relight.data.schema import Task
from relight.data.text_columns import as_labels
from relight.errors import ColumnError, ValueMismatchError
from relight.prepare.column_profile import MIN_ROWS_FOR_IDS
from relight.prepare.columns import TEXT_TYPES, clean_as_kind, clean_column
from relight.runtime.messages import pluralize

MAX_NUMERIC_CLASSES = 20  # more different whole numbers are a quantity
MIN_ROWS_PER_CLASS = 5  # with fewer rows for each different number, they are a quantity, too
MAX_RELEVANCE = 30  # as in LightGBM: a gain is 2^grade - 1
RequestedTask = Literal["auto", "regression", "binary", "multiclass"]


class CleanTarget(NamedTuple):
    """Float64 values for regression, String labels for classes."""

    values: pl.Series
    task: Task
    classes: list[str] | None


class TargetPlan(NamedTuple):
    """The rule by which the target is read.

    Attributes:
        requested_task: the task that the params name.
        labels: whether the classes are named by numbers or texts; None for a regression.
    """

    requested_task: RequestedTask
    labels: Literal["numbers", "texts"] | None


def clean_target(raw: pl.Series, requested: RequestedTask, positive: str = AUTO) -> CleanTarget:
    """Clean the target of a whole table and decide on its task.

    Args:
        positive: `prepare.positive`.

    Raises:
        ColumnError: gaps, text in a regression, only one class, a quantity or names of rows as classes, a positive
            class that does not exist.
    """
    plan = plan_target(raw, requested)
    values = clean_target_as(plan, raw, 1)
    if plan.labels is None:
        refuse_positive(positive)
        return CleanTarget(values, "regression", None)
    task, classes = resolve_classes(plan, Counter(values.to_list()), positive)
    return CleanTarget(values, task, classes)


def plan_target(raw: pl.Series, requested: RequestedTask) -> TargetPlan:
    """Decide whether the target is a quantity or names classes.

    Raises:
        ColumnError: gaps, or values that are neither.
    """
    values = _without_gaps(raw, 1)
    quantity = _as_quantity(values, requested)
    if requested == "regression" or (requested == "auto" and quantity is not None and _is_quantity(quantity)):
        return TargetPlan(requested, None)
    return TargetPlan(requested, "texts" if quantity is None else "numbers")


def clean_target_as(plan: TargetPlan, raw: pl.Series, first_row: int) -> pl.Series:
    """Clean a chunk of the target as planned: Float64, or String labels.

    Raises:
        ColumnError: for gaps, and for the first value that does not fit.
    """
    values = _without_gaps(raw, first_row)
    if plan.labels == "texts":
        return as_labels(values)
    if plan.labels == "numbers":
        numbers = clean_as_kind("numeric", values, first_row)
        if plan.requested_task == "auto":
            _refuse_fractions(numbers, first_row)
        return as_labels(numbers)
    _refuse_names(values)
    return clean_as_kind("numeric", values, first_row).cast(pl.Float64)


def resolve_classes(plan: TargetPlan, labels: Mapping[str, int], positive: str = AUTO) -> tuple[Task, list[str]]:
    """Return the task and the classes in their order, once all rows were seen; of two the positive one is the last.

    Args:
        labels: how many rows have each label.
        positive: `prepare.positive`.

    Raises:
        ColumnError: for only one class, three as two, a quantity or names of rows as classes, a positive class that
            does not exist.
    """
    n_rows = sum(labels.values())
    if plan.labels == "numbers":
        refuse_quantity(labels)
    if len(labels) == n_rows and n_rows >= MIN_ROWS_FOR_IDS:
        raise ColumnError(
            "has a different value in every row, and nothing to learn; set prepare.target to another column"
        )
    classes = sorted(labels, key=lambda label: (float(label), label)) if plan.labels == "numbers" else sorted(labels)
    if len(classes) < 2:
        raise ColumnError(f"has only one class ('{classes[0]}'); a model needs two or more")
    if plan.requested_task == "binary" and len(classes) != 2:
        raise ColumnError(f"must have 2 classes for binary, got {len(classes)}; set prepare.task to multiclass")
    task: Task = "binary" if len(classes) == 2 and plan.requested_task != "multiclass" else "multiclass"
    return task, with_positive_last(classes, labels, positive)


def refuse_positive(positive: str) -> None:
    """Refuse a positive class of a quantity.

    Raises:
        ColumnError: if the params name one.
    """
    if positive != AUTO:
        raise ColumnError(
            f"holds quantities, and prepare.positive must be auto: it is for two classes, got '{positive}'; "
            "or set prepare.task to binary"
        )


def refuse_quantity(labels: Collection[str]) -> None:
    """Refuse more different numbers than classes may have.

    Raises:
        ColumnError: with their count.
    """
    if len(labels) > MAX_NUMERIC_CLASSES:
        raise ColumnError(f"has {len(labels)} different numbers, too many for classes; set prepare.task to regression")


def value_task(task: Literal["auto"] | Task) -> RequestedTask:
    """Return the task of a target whose plan is in this file; the other tasks never come here."""
    match task:
        case "auto" | "regression" | "binary" | "multiclass":
            return task
        case _:
            raise AssertionError(f"{task} has a plan of its own")


def _without_gaps(raw: pl.Series, first_row: int) -> pl.Series:
    values = raw.cast(pl.String) if raw.dtype in TEXT_TYPES else raw
    values = values.fill_nan(None) if values.dtype.is_float() else values
    refuse_gaps(values, first_row)
    return values


def refuse_gaps(values: pl.Series, first_row: int) -> None:
    """Refuse values that are missing.

    Args:
        first_row: the row of the first value, counted from 1.

    Raises:
        ColumnError: with the rows that have no value.
    """
    if values.null_count():
        rows = [str(first_row + row) for row in values.is_null().arg_true().to_list()]
        shown = ", ".join([*rows[:5], *(["..."] if len(rows) > 5 else [])])
        raise ColumnError(
            f"has {pluralize(len(rows), 'missing value')} (row {shown}); drop these rows, or fill them in"
        )


def _as_quantity(values: pl.Series, requested: RequestedTask) -> pl.Series | None:
    """Return the target as numbers, or None if it is text or true and false."""
    try:
        cleaned = clean_column(values)
    except ColumnError:
        if requested in ("binary", "multiclass") and values.dtype in TEXT_TYPES:
            return None  # classes may have any names
        raise
    if cleaned.kind == "datetime" and requested not in ("binary", "multiclass"):
        raise ColumnError("holds dates or times, which a model cannot predict; write them as numbers")
    return cleaned.values if cleaned.kind == "numeric" else None


def _is_quantity(numbers: pl.Series) -> bool:
    n_different = numbers.n_unique()
    are_whole = bool((numbers == numbers.round()).all())
    if are_whole and n_different <= 2:
        return False
    return not are_whole or n_different > MAX_NUMERIC_CLASSES or len(numbers) < MIN_ROWS_PER_CLASS * n_different


def _refuse_names(values: pl.Series) -> None:
    """Refuse a target of a regression that is mostly text."""
    shown = values.cast(pl.String) if values.dtype in (*TEXT_TYPES, pl.Boolean) else None
    if shown is not None and text_columns.as_plain_numbers(shown) is None:
        wrong = shown.filter(~text_columns.are_numbers(shown) & ~text_columns.are_infinite(shown))
        if len(wrong) and not text_columns.are_mostly_numbers(shown):
            raise ColumnError(f"must be numbers for a regression, got '{wrong[0]}'; set prepare.task to auto")


def _refuse_fractions(numbers: pl.Series, first_row: int) -> None:
    """Refuse a fraction in a target whose first rows were read as classes."""
    fractions = numbers != numbers.round()
    if fractions.any():
        at = int(fractions.arg_max() or 0)
        raise ValueMismatchError(
            f"row {first_row + at} must be a whole number, because the first rows hold few whole numbers and were "
            f"read as classes, got {numbers[at]:g}; set prepare.task"
        )


def query_labels(raw: pl.Series, first_row: int) -> pl.Series:
    """Return the query of each row as a text, under the name of the column.

    Args:
        first_row: the row of the first value, counted from 1, for the messages.

    Raises:
        ColumnError: for rows without a query, and for a type that cannot name one.
    """
    if raw.dtype.is_nested() or raw.dtype in (pl.Binary, pl.Object):
        raise ColumnError(f"is of type {raw.dtype}, which cannot name queries; set prepare.query to another column")
    labels = as_labels(raw)
    refuse_gaps(labels, first_row)
    return labels.alias(raw.name)


def clean_relevance(raw: pl.Series, first_row: int) -> pl.Series:
    """Return grades 0, 1, 2, ... as Float64, one for each row.

    Args:
        first_row: the row of the first value, counted from 1, for the messages.

    Raises:
        ColumnError: for gaps, and for the first value that is no such grade.
    """
    grades = clean_as_kind("numeric", raw, first_row, "a grade of relevance in every row")
    refuse_gaps(grades, first_row)
    wrong = (grades < 0) | (grades > MAX_RELEVANCE) | (grades != grades.round())
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise ColumnError(
            f"row {first_row + at} must be a grade of relevance, a whole number from 0 to {MAX_RELEVANCE}, "
            f"got {grades[at]:g}; convert the values to grades"
        )
    return grades
