"""A raw table → a clean one, and what it is: every problem of every column at once."""

from typing import NamedTuple

import polars as pl

from relight.domain.columns import UncleanError, clean_column
from relight.domain.generating import generate_line
from relight.domain.naming import did_you_mean, look_like_ids
from relight.domain.schema import Column, Schema
from relight.domain.targets import Target, clean_target
from relight.errors import InputError
from relight.params.line import LineParams
from relight.params.prepare import PrepareParams


class CleanTable(NamedTuple):
    """Columns of Float64, Boolean and String with nulls for gaps; ignored columns as they came."""

    rows: pl.DataFrame
    schema: Schema


class _Column(NamedTuple):
    column: Column
    values: pl.Series
    notes: tuple[str, ...] = ()


def clean_table(content: pl.DataFrame | LineParams, params: PrepareParams) -> CleanTable:
    """Clean all columns and settle the task.

    Raises:
        InputError: with all that is wrong with the columns.
    """
    raw = generate_line(content, params.target) if isinstance(content, LineParams) else content
    problems = _name_problems(params, raw.columns)
    features = [_clean_feature(name, params, raw, problems) for name in raw.columns if name != params.target]
    target = _clean_target(params, raw, problems)
    if not problems and all(feature is None or feature.column.kind == "ignored" for feature in features):
        problems.append(f"{params.source}: has no column left for the model besides the target")
    if problems or target is None:
        raise InputError(*problems)
    cleaned = [feature for feature in features if feature is not None]
    schema = Schema(
        rows=raw.height,
        target=params.target,
        task=target.task,
        classes=target.classes,
        columns=[feature.column for feature in cleaned],
        generated=_truth(content),
        notes=[f"Column '{f.column.name}' {note}." for f in cleaned for note in f.notes],
    )
    rows = pl.DataFrame([*(f.values for f in cleaned), target.values.alias(params.target)])
    return CleanTable(rows, schema)


def _truth(content: pl.DataFrame | LineParams) -> dict[str, float] | None:
    if isinstance(content, LineParams):
        return {"weight": content.weight, "bias": content.bias}
    return None


def _name_problems(params: PrepareParams, names: list[str]) -> list[str]:
    known, problems = f"is not a column of {params.source}", []
    if params.target not in names:
        problems.append(f"prepare.target: '{params.target}' {known}{did_you_mean(params.target, names)}")
    for name in params.ignore:
        if name == params.target:
            problems.append(f"prepare.ignore: '{name}' is the target, and cannot be ignored")
        elif name not in names:
            problems.append(f"prepare.ignore: '{name}' {known}{did_you_mean(name, names)}")
    return problems


def _clean_feature(name: str, params: PrepareParams, raw: pl.DataFrame, problems: list[str]) -> _Column | None:
    if name in params.ignore:
        return _Column(Column(name=name, kind="ignored"), raw[name])
    try:
        values, kind, notes = clean_column(raw[name])
    except UncleanError as unclean:
        problems.append(f"{params.source}: column '{name}' {unclean}")
        return None
    return _Column(Column(name=name, kind=kind), values.alias(name), (*notes, *_remarks(values)))


def _remarks(values: pl.Series) -> tuple[str, ...]:
    if values.null_count() == len(values):
        return ("has no values at all; it tells the model nothing",)
    if values.n_unique() == 1:
        return ("has the same value in every row; it tells the model nothing",)
    if look_like_ids(values):
        return ("has a different value in every row; if it names the row, add it to prepare.ignore",)
    return ()


def _clean_target(params: PrepareParams, raw: pl.DataFrame, problems: list[str]) -> Target | None:
    if params.target not in raw.columns:
        return None
    try:
        return clean_target(raw[params.target], params.task)
    except UncleanError as unclean:
        problems.append(f"{params.source}: target '{params.target}' {unclean}")
        return None
