"""Cleaning series onto a grid.

A column beside the target of series → numbers, or names of which a forecast reads the frequent ones.

Series: a long table → rows on a regular grid of time, ordered, with gaps where the table has none.
"""

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import NAMED, STEP, Column, Frequency, Kind, Schema, SequenceParams, SeriesSchema
from relight.data.text_columns import as_labels
from relight.errors import InputError, UncleanError
from relight.prepare.columns import clean_as, clean_column
from relight.prepare.params import ColumnKind, PrepareParams
from relight.prepare.times import MOMENT, find_steps, times_of
from relight.runtime.messages import did_you_mean

NEARLY = 0.9  # names of which so many are different tell no two rows to be alike
LEAST_LENGTH, PART_OF_SERIES = 96, 4  # a window is at most a quarter of the longest series


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


class _Asked(NamedTuple):
    """The section of a forecast, with what it leaves out."""

    time: str
    series: str | None
    length: Literal["auto"] | int
    horizon: int
    step: int
    season: Literal["auto"] | int
    fill: Literal["forward", "interpolate", "error"]
    known: list[str]


class Regular(NamedTuple):
    rows: pl.DataFrame
    schema: Schema


def regular_series(raw: pl.DataFrame, params: PrepareParams) -> Regular:
    """The series on their grid; rows that the table lacks are there, with gaps.

    Raises:
        InputError: with all columns that cannot be used.
    """
    assert params.sequence is not None
    assert isinstance(params.target, str)
    asked = _asked(params.sequence)
    columns, notes = _clean(raw, params, asked)
    keys = [asked.series] if asked.series else []
    rows = pl.DataFrame(columns).sort([*keys, asked.time], maintain_order=True)
    try:
        whole, frequency, n_added = _on_grid(rows, asked)
    except UncleanError as unclean:
        raise InputError(f"prepare.sequence.time: '{asked.time}' {unclean}") from unclean
    notes += [f"Times that the table lacks between the first and the last: {n_added}; they count as gaps."] * (
        n_added > 0
    )
    return Regular(whole, _schema(whole, params, asked, frequency, notes))


def _asked(params: SequenceParams) -> _Asked:
    assert params.time is not None
    return _Asked(
        params.time,
        params.series,
        params.length or "auto",
        params.horizon or 1,
        params.step or 1,
        params.season or "auto",
        params.fill or "forward",
        params.known or [],
    )


def _clean(raw: pl.DataFrame, params: PrepareParams, asked: _Asked) -> tuple[dict[str, pl.Series], list[str]]:
    problems = _missing(raw, params, asked)
    if problems:
        raise InputError(*problems)
    columns: dict[str, pl.Series] = {}
    notes: list[str] = []
    for name in raw.columns:
        if name in params.ignore:
            continue
        try:
            values, note = _column(name, raw[name], params, asked)
        except UncleanError as unclean:
            problems.append(f"{params.source}: column '{name}' {unclean}")
            continue
        columns |= {} if values is None else {name: values}
        notes += note
    if problems:
        raise InputError(*problems)
    return columns, notes


def _missing(raw: pl.DataFrame, params: PrepareParams, asked: _Asked) -> list[str]:
    named = {"prepare.target": params.target, "prepare.sequence.time": asked.time}
    named |= {"prepare.sequence.series": asked.series} if asked.series else {}
    named |= {f"prepare.sequence.known: {name}": name for name in asked.known}
    problems = [
        f"{key}: '{name}' is not a column{did_you_mean(str(name), raw.columns)}"
        for key, name in named.items()
        if name not in raw.columns
    ]
    if STEP in raw.columns and STEP not in params.ignore:
        problems.append(f"{params.source}: column '{STEP}' has a name that prepare needs itself; rename it")
    return problems + column_problems(params, {asked.time, asked.series, str(params.target)}, raw.columns)


def _column(name: str, raw: pl.Series, params: PrepareParams, asked: _Asked) -> tuple[pl.Series | None, list[str]]:
    """A clean column, or None for one that a forecast cannot read, with a note."""
    if name == asked.time:
        return _times(raw), []
    if name in (asked.series, NAMED):
        labels = as_labels(raw)
        if labels.null_count():
            raise UncleanError(f"has {labels.null_count()} gaps; fill them in")
        return labels, []
    if name == params.target:
        return clean_as("numeric", raw, why="to be foretold"), []
    return clean_covariate(name, raw, params.columns.get(name))


def _times(raw: pl.Series) -> pl.Series:
    cleaned = clean_column(raw)
    if cleaned.kind not in ("numeric", "datetime"):
        raise UncleanError("must hold dates as 2024-01-31, or whole numbers, to order the rows by")
    if cleaned.values.null_count():
        raise UncleanError(f"has {cleaned.values.null_count()} gaps; a row without a time has no place")
    return cleaned.values.cast(pl.Float64) if cleaned.kind == "numeric" else cleaned.values.cast(MOMENT)


def _on_grid(rows: pl.DataFrame, asked: _Asked) -> tuple[pl.DataFrame, Frequency, int]:
    """Every step from the first to the last row of each series."""
    codes = rows[asked.series].rle_id().to_numpy() if asked.series else np.zeros(rows.height, dtype=np.int64)
    numbers, frequency = find_steps(rows[asked.time], codes)
    first = rows[asked.time][int(numbers.argmin())]
    rows = rows.with_columns(pl.Series(STEP, numbers, dtype=pl.Int64))
    keys = [asked.series] if asked.series else []
    ends = rows.group_by(keys, maintain_order=True) if keys else None
    spans = (
        ends.agg(pl.int_range(pl.col(STEP).min(), pl.col(STEP).max() + 1).alias(STEP)).explode(STEP)
        if ends is not None
        else pl.DataFrame({STEP: np.arange(numbers.min(), numbers.max() + 1)})
    )
    whole = spans.join(rows.drop(asked.time), on=[*keys, STEP], how="left", maintain_order="left")
    whole = whole.with_columns(times_of(whole[STEP], first, frequency).alias(asked.time))
    if NAMED in whole.columns:  # a step that the table lacks belongs to the part of the one before it
        whole = whole.with_columns(pl.col(NAMED).forward_fill())
    return whole, frequency, whole.height - rows.height


def _schema(rows: pl.DataFrame, params: PrepareParams, asked: _Asked, frequency: Frequency, notes: list[str]) -> Schema:
    roles = {asked.time, asked.series, params.target, STEP}
    columns = [
        Column(name=values.name, kind=_kind(values)) for values in rows.iter_columns() if values.name not in roles
    ]
    season = frequency.season if asked.season == "auto" else asked.season
    longest = rows.group_by(asked.series).len()["len"].max() if asked.series else rows.height
    assert isinstance(longest, int)
    length = _length(season, longest) if asked.length == "auto" else asked.length
    gaps = rows[str(params.target)].null_count()
    said = [f"Steps without a value of '{params.target}': {gaps}; they are filled ({asked.fill}), and never scored."]
    if gaps and asked.fill == "error":
        raise InputError(
            f"prepare.sequence.fill: error, and '{params.target}' has no value at {gaps} steps; "
            "fill them in, or set fill to forward or interpolate"
        )
    return Schema(
        rows=rows.height,
        target=str(params.target),
        targets=[str(params.target)],
        weight=None,
        task="forecast",
        classes=None,
        columns=columns,
        generated=None,
        notes=[*notes, *(said if gaps else [])],
        series=SeriesSchema(
            time=asked.time,
            series=asked.series,
            length=length,
            horizon=asked.horizon,
            step=asked.step,
            season=season,
            fill=asked.fill,
            known=asked.known,
            frequency=frequency,
        ),
    )


def _kind(values: pl.Series) -> Kind:
    if values.name == NAMED:
        return "ignored"
    return "categorical" if values.dtype == pl.String else "numeric"


def _length(season: int, longest: int) -> int:
    return max(1, min(max(LEAST_LENGTH, 2 * season), longest // PART_OF_SERIES))
