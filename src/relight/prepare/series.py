"""Series: a long table → rows on a regular grid of time, in order, with gaps for the times that the table lacks.

A covariate becomes numbers, or names, of which a forecast reads the frequent ones.
"""

from typing import Literal, NamedTuple

import polars as pl

from relight.data.calendar import zone_of
from relight.data.index_columns import index_note
from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Column, ColumnKind, Frequency, Schema, SeriesSchema
from relight.data.text_columns import as_labels
from relight.data.written_times import is_utc
from relight.errors import ColumnError, InputError
from relight.prepare.column_plan import REQUESTED_REASON
from relight.prepare.columns import clean_as_kind, clean_column
from relight.prepare.params import PrepareParams, RequestedKind
from relight.prepare.table import CleanTable
from relight.prepare.time_axis.reading import TimeColumn, read_times
from relight.prepare.time_axis.regular import WRITTEN, RegularRows, regular_rows
from relight.prepare.zones import zone_problems
from relight.runtime.messages import did_you_mean

MAX_DISTINCT_SHARE = 0.9  # with a larger share of different names, no two rows have the same one
MIN_AUTO_LENGTH, MIN_LENGTHS_PER_SERIES = 96, 4  # a window is at most a quarter of the longest series


def regularize_series(raw: pl.DataFrame, params: PrepareParams, known: SeriesSchema | None = None) -> CleanTable:
    """Return the series on their grid; rows that the table lacks are there, with gaps.

    Args:
        params: of a forecast: with a `sequence`, and one target.
        known: of the series that these rows continue; they may be too few to tell their frequency.

    Raises:
        InputError: with all columns that cannot be used.
    """
    settings = _forecast_settings(params)
    clean = _clean(raw, params, settings, known)
    written, frequency = raw[settings.time].rename(WRITTEN), known.frequency if known else None
    try:
        table, names = pl.DataFrame(clean.columns), (settings.time, settings.series)
        regular = regular_rows(table, written, *names, frequency, is_utc=is_utc(clean.form))
    except ColumnError as error:
        place = "prepare.sequence.time:" if known is None else f"{params.table_name}: column"
        raise InputError(f"{place} '{settings.time}' {error}") from error
    notes = [*clean.notes, *regular.notes, *_gap_notes(regular.rows, settings)]
    return CleanTable(regular.rows, _schema(regular, settings, clean.form, notes))


class _ForecastSettings(NamedTuple):
    """The section of a forecast, with the defaults of the keys that are left out."""

    target: str
    time: str
    series: str | None
    length: Literal["auto"] | int
    horizon: int
    step: int
    season: Literal["auto"] | int
    fill: Literal["forward", "interpolate", "error"]
    known: list[str]


def _forecast_settings(params: PrepareParams) -> _ForecastSettings:
    sequence = params.sequence
    assert isinstance(params.target, str)
    assert sequence is not None
    assert sequence.time is not None
    return _ForecastSettings(
        params.target,
        sequence.time,
        sequence.series,
        sequence.length or "auto",
        sequence.horizon or 1,
        sequence.step or 1,
        sequence.season or "auto",
        sequence.fill or "forward",
        sequence.known or [],
    )


class _CleanColumns(NamedTuple):
    """The columns by name, the form of the times, and remarks in whole sentences."""

    columns: dict[str, pl.Series]
    form: str | None
    notes: list[str]


def _clean(
    raw: pl.DataFrame, params: PrepareParams, settings: _ForecastSettings, known: SeriesSchema | None
) -> _CleanColumns:
    problems = _column_problems(raw.columns, params, settings)
    if problems:
        raise InputError(*problems)
    clean = _CleanColumns({}, None, [])
    for name in raw.columns:
        if name in params.ignore:
            continue
        values: pl.Series | None
        try:
            if name == settings.time:
                values, form, said = _read_times(raw, params, settings, known)
                clean, note = clean._replace(form=form), [f"Column '{name}' {remark}." for remark in said]
            else:
                values, note = _clean_column(raw[name], settings, params.columns.get(name))
        except ColumnError as error:
            problems.append(f"{params.table_name}: column '{name}' {error}")
            continue
        clean.columns.update({} if values is None else {name: values.alias(name)})
        clean.notes.extend(note)
    if problems:
        raise InputError(*problems)
    return clean


def _read_times(
    raw: pl.DataFrame, params: PrepareParams, settings: _ForecastSettings, known: SeriesSchema | None
) -> TimeColumn:
    one = pl.repeat("", raw.height, eager=True)
    series = as_labels(raw[settings.series]) if settings.series else one
    return read_times(raw[settings.time], series, params.zones.get(settings.time), known)


def _column_problems(names: list[str], params: PrepareParams, settings: _ForecastSettings) -> list[str]:
    """Return what is wrong with the names of the columns in the params."""
    named = {"prepare.target": settings.target, "prepare.sequence.time": settings.time}
    named |= {"prepare.sequence.series": settings.series} if settings.series else {}
    named |= {f"prepare.sequence.known: {name}": name for name in settings.known}
    problems = [
        f"{key}: '{name}' is not a column{did_you_mean(name, names)}"
        for key, name in named.items()
        if name not in names
    ]
    if STEP_COLUMN in names and STEP_COLUMN not in params.ignore:
        problems.append(f"{params.table_name}: column '{STEP_COLUMN}' has a name that prepare needs itself; rename it")
    problems += [
        f"prepare.columns: '{name}' is not a column of {params.table_name}{did_you_mean(name, names)}"
        for name in params.columns
        if name not in names
    ]
    problems += [
        f"prepare.columns: '{name}' is the target, the time or the series, and its kind follows from that"
        for name in params.columns
        if name in {settings.time, settings.series, settings.target}
    ]
    problems += [
        f"prepare.zones: '{name}' is not prepare.sequence.time, and a forecast reads no other zone; delete it"
        for name in params.zones
        if name != settings.time
    ]
    return [*problems, *zone_problems(params.zones)]


def _clean_column(
    raw: pl.Series, settings: _ForecastSettings, requested: RequestedKind | None
) -> tuple[pl.Series | None, list[str]]:
    """Return a clean column, or None for one that a forecast cannot read; and remarks on it."""
    if raw.name in (settings.series, SPLIT_COLUMN):
        labels = as_labels(raw)
        if labels.null_count():
            raise ColumnError(f"has {labels.null_count()} gaps; fill them in")
        return labels, []
    if raw.name == settings.target:
        return clean_as_kind("numeric", raw, why="for a forecast").cast(pl.Float64), []
    return _clean_covariate(raw, requested)


def _clean_covariate(raw: pl.Series, requested: RequestedKind | None) -> tuple[pl.Series | None, list[str]]:
    """Return Float64 or String values, or None for a column that a forecast cannot read; and remarks on it.

    Args:
        requested: the kind that the params give it.

    Raises:
        ColumnError: for values that do not fit the kind.
    """
    name = raw.name
    if requested == "ignore":
        return None, []
    if requested is None and (note := index_note(raw)) is not None:
        return None, [f"Column '{name}' {note}."]
    if requested == "categorical":
        return as_labels(raw), []
    cleaned = clean_column(raw)
    if cleaned.kind in ("numeric", "boolean"):
        return cleaned.values.cast(pl.Float64), []
    if requested in ("numeric", "boolean"):
        return clean_as_kind(requested, raw, why=REQUESTED_REASON).cast(pl.Float64), []
    if cleaned.kind == "datetime":
        return None, [f"Column '{name}' holds dates; a forecast reads only those of its time, and leaves it out."]
    values = cleaned.values.drop_nulls()
    if values.n_unique() > MAX_DISTINCT_SHARE * len(values):
        return None, [f"Column '{name}' has a different text in nearly every row; it is left out."]
    return cleaned.values, [f"Column '{name}' {note}." for note in cleaned.notes]


def _gap_notes(rows: pl.DataFrame, settings: _ForecastSettings) -> list[str]:
    """Return a remark on the gaps of the target.

    Raises:
        InputError: for gaps with `fill: error`.
    """
    target, gaps = settings.target, rows[settings.target].null_count()
    if gaps and settings.fill == "error":
        raise InputError(
            f"prepare.sequence.fill: error, and '{target}' has no value at {gaps} steps; "
            "fill them in, or set fill to forward or interpolate"
        )
    note = f"Steps without a value of '{target}': {gaps}; they are filled ({settings.fill}), and never scored."
    return [note] if gaps else []


def _schema(regular: RegularRows, settings: _ForecastSettings, form: str | None, notes: list[str]) -> Schema:
    rows = regular.rows
    roles = {settings.time, settings.series, settings.target, STEP_COLUMN}
    columns = [
        Column(name=values.name, kind=_kind(values)) for values in rows.iter_columns() if values.name not in roles
    ]
    return Schema(
        rows=rows.height,
        target=settings.target,
        targets=[settings.target],
        weight=None,
        task="forecast",
        classes=None,
        columns=columns,
        generated=None,
        notes=notes,
        series=_series_schema(rows, settings, regular.frequency, form),
    )


def _series_schema(
    rows: pl.DataFrame, settings: _ForecastSettings, frequency: Frequency, form: str | None
) -> SeriesSchema:
    season = frequency.season if settings.season == "auto" else settings.season
    longest = rows.group_by(settings.series).len()["len"].max() if settings.series else rows.height
    assert isinstance(longest, int)
    return SeriesSchema(
        time=settings.time,
        series=settings.series,
        length=_auto_length(season, longest) if settings.length == "auto" else settings.length,
        horizon=settings.horizon,
        step=settings.step,
        season=season,
        fill=settings.fill,
        known=settings.known,
        frequency=frequency,
        zone=zone_of(rows[settings.time]),
        form=form,
    )


def _kind(values: pl.Series) -> ColumnKind:
    if values.name == SPLIT_COLUMN:
        return "ignored"
    return "categorical" if values.dtype == pl.String else "numeric"


def _auto_length(season: int, longest: int) -> int:
    return max(1, min(max(MIN_AUTO_LENGTH, 2 * season), longest // MIN_LENGTHS_PER_SERIES))
