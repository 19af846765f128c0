"""Cleaning series onto a grid.

A column beside the target of series → numbers, or names of which a forecast reads the frequent ones.

Series: a long table → rows on a regular grid of time, ordered, with gaps where the table has none.
"""

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Column, Frequency, Kind, Schema, SequenceParams, SeriesSchema
from relight.data.text_columns import as_labels
from relight.errors import ColumnError, InputError
from relight.prepare.columns import clean_as_kind, clean_column
from relight.prepare.params import ColumnKind, PrepareParams
from relight.prepare.times import DATETIME_TYPE, find_time_steps, times_of_steps
from relight.runtime.messages import did_you_mean

MAX_DISTINCT_SHARE = 0.9  # names of which so many are different tell no two rows to be alike
MIN_AUTO_LENGTH, MIN_LENGTHS_PER_SERIES = 96, 4  # a window is at most a quarter of the longest series


def clean_covariate(name: str, raw: pl.Series, requested: ColumnKind | None) -> tuple[pl.Series | None, list[str]]:
    """Float64 or String, or None for what a forecast cannot read; and what a person should know of it.

    Args:
        asked: the kind that the params give it.

    Raises:
        UncleanError: for values that do not fit the kind.
    """
    if requested == "ignore":
        return None, []
    if requested == "categorical":
        return as_labels(raw), []
    cleaned = clean_column(raw)
    if cleaned.kind in ("numeric", "boolean"):
        return cleaned.values.cast(pl.Float64), []
    if requested in ("numeric", "boolean"):
        return clean_as_kind(requested, raw, why="as asked").cast(pl.Float64), []
    if cleaned.kind == "datetime":
        return None, [f"Column '{name}' holds dates; a forecast reads no other than its time, and leaves it out."]
    values = cleaned.values.drop_nulls()
    if values.n_unique() > MAX_DISTINCT_SHARE * len(values):
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


class _ForecastSettings(NamedTuple):
    """The section of a forecast, with what it leaves out."""

    time: str
    series: str | None
    length: Literal["auto"] | int
    horizon: int
    step: int
    season: Literal["auto"] | int
    fill: Literal["forward", "interpolate", "error"]
    known: list[str]


class RegularSeries(NamedTuple):
    rows: pl.DataFrame
    schema: Schema


def regularize_series(raw: pl.DataFrame, params: PrepareParams) -> RegularSeries:
    """The series on their grid; rows that the table lacks are there, with gaps.

    Raises:
        InputError: with all columns that cannot be used.
    """
    assert params.sequence is not None
    assert isinstance(params.target, str)
    settings = _forecast_settings(params.sequence)
    columns, notes = _clean(raw, params, settings)
    keys = [settings.series] if settings.series else []
    rows = pl.DataFrame(columns).sort([*keys, settings.time], maintain_order=True)
    try:
        whole, frequency, n_added = _on_grid(rows, settings)
    except ColumnError as unclean:
        raise InputError(f"prepare.sequence.time: '{settings.time}' {unclean}") from unclean
    notes += [f"Times that the table lacks between the first and the last: {n_added}; they count as gaps."] * (
        n_added > 0
    )
    return RegularSeries(whole, _schema(whole, params, settings, frequency, notes))


def _forecast_settings(params: SequenceParams) -> _ForecastSettings:
    assert params.time is not None
    return _ForecastSettings(
        params.time,
        params.series,
        params.length or "auto",
        params.horizon or 1,
        params.step or 1,
        params.season or "auto",
        params.fill or "forward",
        params.known or [],
    )


def _clean(
    raw: pl.DataFrame, params: PrepareParams, settings: _ForecastSettings
) -> tuple[dict[str, pl.Series], list[str]]:
    problems = _missing_column_problems(raw, params, settings)
    if problems:
        raise InputError(*problems)
    columns: dict[str, pl.Series] = {}
    notes: list[str] = []
    for name in raw.columns:
        if name in params.ignore:
            continue
        try:
            values, note = _column(name, raw[name], params, settings)
        except ColumnError as unclean:
            problems.append(f"{params.source}: column '{name}' {unclean}")
            continue
        columns |= {} if values is None else {name: values}
        notes += note
    if problems:
        raise InputError(*problems)
    return columns, notes


def _missing_column_problems(raw: pl.DataFrame, params: PrepareParams, settings: _ForecastSettings) -> list[str]:
    named = {"prepare.target": params.target, "prepare.sequence.time": settings.time}
    named |= {"prepare.sequence.series": settings.series} if settings.series else {}
    named |= {f"prepare.sequence.known: {name}": name for name in settings.known}
    problems = [
        f"{key}: '{name}' is not a column{did_you_mean(str(name), raw.columns)}"
        for key, name in named.items()
        if name not in raw.columns
    ]
    if STEP_COLUMN in raw.columns and STEP_COLUMN not in params.ignore:
        problems.append(f"{params.source}: column '{STEP_COLUMN}' has a name that prepare needs itself; rename it")
    return problems + column_problems(params, {settings.time, settings.series, str(params.target)}, raw.columns)


def _column(
    name: str, raw: pl.Series, params: PrepareParams, settings: _ForecastSettings
) -> tuple[pl.Series | None, list[str]]:
    """A clean column, or None for one that a forecast cannot read, with a note."""
    if name == settings.time:
        return _times(raw), []
    if name in (settings.series, SPLIT_COLUMN):
        labels = as_labels(raw)
        if labels.null_count():
            raise ColumnError(f"has {labels.null_count()} gaps; fill them in")
        return labels, []
    if name == params.target:
        return clean_as_kind("numeric", raw, why="to be foretold"), []
    return clean_covariate(name, raw, params.columns.get(name))


def _times(raw: pl.Series) -> pl.Series:
    cleaned = clean_column(raw)
    if cleaned.kind not in ("numeric", "datetime"):
        raise ColumnError("must hold dates as 2024-01-31, or whole numbers, to order the rows by")
    if cleaned.values.null_count():
        raise ColumnError(f"has {cleaned.values.null_count()} gaps; a row without a time has no place")
    return cleaned.values.cast(pl.Float64) if cleaned.kind == "numeric" else cleaned.values.cast(DATETIME_TYPE)


def _on_grid(rows: pl.DataFrame, settings: _ForecastSettings) -> tuple[pl.DataFrame, Frequency, int]:
    """Every step from the first to the last row of each series."""
    codes = rows[settings.series].rle_id().to_numpy() if settings.series else np.zeros(rows.height, dtype=np.int64)
    numbers, frequency = find_time_steps(rows[settings.time], codes)
    first = rows[settings.time][int(numbers.argmin())]
    rows = rows.with_columns(pl.Series(STEP_COLUMN, numbers, dtype=pl.Int64))
    keys = [settings.series] if settings.series else []
    ends = rows.group_by(keys, maintain_order=True) if keys else None
    spans = (
        ends.agg(pl.int_range(pl.col(STEP_COLUMN).min(), pl.col(STEP_COLUMN).max() + 1).alias(STEP_COLUMN)).explode(
            STEP_COLUMN
        )
        if ends is not None
        else pl.DataFrame({STEP_COLUMN: np.arange(numbers.min(), numbers.max() + 1)})
    )
    whole = spans.join(rows.drop(settings.time), on=[*keys, STEP_COLUMN], how="left", maintain_order="left")
    whole = whole.with_columns(times_of_steps(whole[STEP_COLUMN], first, frequency).alias(settings.time))
    if SPLIT_COLUMN in whole.columns:  # a step that the table lacks belongs to the part of the one before it
        whole = whole.with_columns(pl.col(SPLIT_COLUMN).forward_fill())
    return whole, frequency, whole.height - rows.height


def _schema(
    rows: pl.DataFrame, params: PrepareParams, settings: _ForecastSettings, frequency: Frequency, notes: list[str]
) -> Schema:
    roles = {settings.time, settings.series, params.target, STEP_COLUMN}
    columns = [
        Column(name=values.name, kind=_kind(values)) for values in rows.iter_columns() if values.name not in roles
    ]
    season = frequency.season if settings.season == "auto" else settings.season
    longest = rows.group_by(settings.series).len()["len"].max() if settings.series else rows.height
    assert isinstance(longest, int)
    length = _auto_length(season, longest) if settings.length == "auto" else settings.length
    gaps = rows[str(params.target)].null_count()
    gap_notes = [
        f"Steps without a value of '{params.target}': {gaps}; they are filled ({settings.fill}), and never scored."
    ]
    if gaps and settings.fill == "error":
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
        notes=[*notes, *(gap_notes if gaps else [])],
        series=SeriesSchema(
            time=settings.time,
            series=settings.series,
            length=length,
            horizon=settings.horizon,
            step=settings.step,
            season=season,
            fill=settings.fill,
            known=settings.known,
            frequency=frequency,
        ),
    )


def _kind(values: pl.Series) -> Kind:
    if values.name == SPLIT_COLUMN:
        return "ignored"
    return "categorical" if values.dtype == pl.String else "numeric"


def _auto_length(season: int, longest: int) -> int:
    return max(1, min(max(MIN_AUTO_LENGTH, 2 * season), longest // MIN_LENGTHS_PER_SERIES))
