"""The target: its task, found out or checked, and its values as the loss wants them."""

from typing import NamedTuple

import polars as pl

from relight.domain import texts
from relight.domain.columns import TEXTS, UncleanError, as_labels, clean_column
from relight.domain.naming import look_like_ids
from relight.domain.schema import Task

MOST_CLASSES_OF_NUMBERS = 20  # more different whole numbers than this are a quantity
ROWS_PER_CLASS = 5  # fewer rows for each different number than this are a quantity, too


class Target(NamedTuple):
    """Float64 values for regression, String labels for classes."""

    values: pl.Series
    task: Task
    classes: list[str] | None


def clean_target(raw: pl.Series, task: str) -> Target:
    """Clean the target and settle its task.

    Raises:
        UncleanError: gaps, text in a regression, one class alone, a quantity or names of rows as classes.
    """
    values = texts.tidy(raw) if raw.dtype == pl.String else raw
    values = values.fill_nan(None) if values.dtype.is_float() else values
    _refuse_gaps(values)
    quantity = _as_quantity(values, task)
    settled = _find_task(quantity, values) if task == "auto" else task
    if settled == "regression":
        if quantity is None:
            shown = values.cast(pl.String)
            wrong = shown.filter(~texts.are_numbers(shown))
            example = f", however: '{wrong[0]}'" if len(wrong) else ""
            raise UncleanError(f"must be numbers for a regression{example}; set prepare.task to auto")
        return Target(quantity, "regression", None)
    return _classes(values, quantity, settled)


def _refuse_gaps(values: pl.Series) -> None:
    rows = [str(row + 1) for row in values.is_null().arg_true().to_list()]
    if rows:
        shown = ", ".join([*rows[:5], *(["..."] if len(rows) > 5 else [])])
        noun = "value" if len(rows) == 1 else "values"
        raise UncleanError(f"has {len(rows)} missing {noun} (row {shown}); drop these rows, or fill them in")


def _as_quantity(values: pl.Series, task: str) -> pl.Series | None:
    """The target as numbers, or None where it is text or true and false."""
    try:
        cleaned = clean_column(values)
    except UncleanError:
        if task in ("binary", "multiclass") and values.dtype in TEXTS:
            return None  # who asks for classes may name them as they like
        raise
    return cleaned.values if cleaned.kind == "numeric" else None


def _find_task(quantity: pl.Series | None, values: pl.Series) -> Task:
    if quantity is not None and _is_a_quantity(quantity):
        return "regression"
    return "binary" if values.n_unique() <= 2 else "multiclass"


def _is_a_quantity(quantity: pl.Series) -> bool:
    different = quantity.n_unique()
    whole = bool((quantity == quantity.round()).all())
    if whole and different <= 2:
        return False
    return not whole or different > MOST_CLASSES_OF_NUMBERS or len(quantity) < ROWS_PER_CLASS * different


def _classes(values: pl.Series, quantity: pl.Series | None, task: str) -> Target:
    if quantity is not None and quantity.n_unique() > MOST_CLASSES_OF_NUMBERS and _is_a_quantity(quantity):
        raise UncleanError(
            f"has {quantity.n_unique()} different numbers, too many for classes; set prepare.task to regression"
        )
    labels = as_labels(values if quantity is None else quantity)
    if look_like_ids(labels):
        raise UncleanError(
            "has a different value in every row, and nothing to learn; set prepare.target to another column"
        )
    classes = _in_order(labels, quantity)
    if len(classes) < 2:
        raise UncleanError(f"has one class alone ('{classes[0]}'); a model needs two or more")
    if task == "binary":
        if len(classes) != 2:
            raise UncleanError(
                f"must have 2 classes for binary, however: {len(classes)}; set prepare.task to multiclass"
            )
        return Target(labels, "binary", classes)
    return Target(labels, "multiclass", classes)


def _in_order(labels: pl.Series, quantity: pl.Series | None) -> list[str]:
    """Numbers in the order of numbers, texts in the order of texts."""
    different = labels.unique().to_list()
    return sorted(different, key=float) if quantity is not None else sorted(different)
