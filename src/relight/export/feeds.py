"""The inputs of an exported graph, one array for each column in its raw unit; its metadata; and example rows."""

import datetime
import json
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import on_clock
from relight.data.features import CategoricalFeature, Features, NumericFeature
from relight.data.series_features import SeriesFeatures
from relight.data.text_columns import MAX_EXACT_INTEGER

Feeds = dict[str, np.ndarray]
ExportMetadata = dict[str, str]
MISSING_NUMBER = -(2**63)  # of int64; of a date it is NaT, as NumPy writes it
N_EXAMPLE_ROWS = 64
GAP_EVERY = 7  # rows, with another offset for each column
Y2000 = datetime.datetime(2000, 1, 1)


class InputColumn(NamedTuple):
    """A column that the graph reads, by its name in the table.

    Attributes:
        kind: a number is float32 with NaN for a gap, true is 1; a large number, from which the graph subtracts an
            offset, is float64; a whole number beyond 2**53 is int64; a date is int64, microseconds since 1970-01-01;
            a category is a text, "" for a gap. The smallest int64 stands for a gap.
        levels: those of a category in the train rows, "" among them if they had gaps; all others have code 0.
    """

    name: str
    kind: Literal["number", "large", "whole", "date", "category"]
    levels: tuple[str, ...] = ()
    zone: str | None = None


def input_columns(features: Features) -> list[InputColumn]:
    """Return the columns that the graph reads, in the order of `features.columns`."""
    kinds = {feature.column: _number_kind(feature) for feature in features.numeric}
    zones = {feature.column: feature.zone for feature in features.numeric}
    levels = {feature.name: tuple(feature.levels) for feature in features.categorical}
    return [
        InputColumn(name, "category", levels[name])
        if name in levels
        else InputColumn(name, kinds[name], zone=zones[name])
        for name in features.columns
    ]


def _number_kind(feature: NumericFeature) -> Literal["number", "large", "whole", "date"]:
    if feature.kind == "datetime":
        return "date"
    if not feature.offset:
        return "number"
    return "whole" if MAX_EXACT_INTEGER < abs(feature.offset) < 2**63 else "large"


def table_feeds(table: pl.DataFrame, inputs: list[InputColumn]) -> Feeds:
    """Return each column as (n_rows, 1), by its name."""
    return {column.name: _array(table[column.name], column).reshape(-1, 1) for column in inputs}


def _array(values: pl.Series, column: InputColumn) -> np.ndarray:
    match column.kind:
        case "number":
            return values.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float32)
        case "large":
            return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        case "whole":
            return values.cast(pl.Int64, strict=False).fill_null(MISSING_NUMBER).to_numpy()
        case "date":
            return (
                on_clock(values.cast(pl.Datetime("us")), column.zone).to_physical().fill_null(MISSING_NUMBER).to_numpy()
            )
        case "category":
            return values.fill_null("").to_numpy().astype(np.object_)


def model_metadata(features: Features) -> ExportMetadata:
    """Return what an exported file says about itself, each a text."""
    classes = json.dumps(features.classes, ensure_ascii=False)
    return {"format": str(features.format), "task": features.task, "target": features.target, "classes": classes}


def offsets_metadata(features: Features) -> ExportMetadata:
    """Return what the caller subtracts from numbers, in float64, before they become float32; nothing if there is none.

    Only a file whose inputs are columns subtracts it itself.
    """
    offsets = {feature.name: feature.offset for feature in features.numeric if feature.offset}
    return {"offsets": json.dumps(offsets, ensure_ascii=False)} if offsets else {}


def series_metadata(features: Features, series: SeriesFeatures) -> ExportMetadata:
    """Return the metadata of a forecaster: also the channels of its inputs, and how far apart its steps are.

    A channel that is 1 if a category has a level, else 0, is described by column and level. The caller
    gives times on the clock of the zone, if there is one.
    """
    past = [features.target, *(covariate.name for covariate in series.covariates)]
    levels = {c.name: {"column": c.column, "level": c.level} for c in series.covariates if c.level is not None}
    ahead = [covariate.name for covariate in series.covariates if covariate.known]
    channels = {"past": past, "known": ahead, **({"levels": levels} if levels else {})}
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in channels.items()}
    clock = {"zone": series.series_schema.zone} if series.series_schema.zone else {}
    step = str(series.series_schema.frequency)
    return {**model_metadata(features), **texts, **_series_texts(series), "step": step, **clock}


def _series_texts(series: SeriesFeatures) -> ExportMetadata:
    """Return the names of several series in the order of their numbers, and what is subtracted from their values."""
    offsets = {one.name or "": one.offset for one in series.each if one.offset}
    texts = {"series": json.dumps([one.name for one in series.each], ensure_ascii=False)}
    return {
        **(texts if series.series_schema.series else {}),
        **({"offsets": json.dumps(offsets, ensure_ascii=False)} if offsets else {}),
    }


def sequences_metadata(features: Features) -> ExportMetadata:
    """Return the metadata of a model of sequences: also the numbers of a step, and the levels of its categories."""
    numeric = json.dumps([feature.name for feature in features.numeric], ensure_ascii=False)
    categories = json.dumps([feature.model_dump() for feature in features.categorical], ensure_ascii=False)
    offsets = offsets_metadata(features)
    return {**model_metadata(features), "numeric": numeric, "categories": categories, **offsets}


def example_rows(features: Features, *, gaps: bool) -> pl.DataFrame:
    """Return a clean table of 64 rows over the whole range of each column; `gaps` adds missing and unknown values."""
    columns: dict[str, pl.Series] = {}
    for index, feature in enumerate(features.numeric):
        if feature.date_part in (None, "elapsed"):
            columns[feature.column] = _with_gaps(_example_numbers(feature, index), index, gaps=gaps)
    for index, category in enumerate(features.categorical, start=len(columns)):
        columns[category.name] = _with_gaps(_example_levels(category, index, unknown=gaps), index, gaps=gaps)
    return pl.DataFrame(columns)


def _example_numbers(feature: NumericFeature, index: int) -> pl.Series:
    """Return values of the train rows, from the smallest to the largest, by another stride for each column."""
    quantiles = feature.quantiles or [feature.mean]
    stride = 2 * index + 1
    values = [
        quantiles[row * stride % N_EXAMPLE_ROWS * (len(quantiles) - 1) // (N_EXAMPLE_ROWS - 1)]
        for row in range(N_EXAMPLE_ROWS)
    ]
    if _number_kind(feature) == "whole":
        return pl.Series([int(feature.offset) + int(value) for value in values], dtype=pl.Int64)
    values = [value + feature.offset for value in values] if feature.offset else values
    if feature.kind == "datetime":
        return pl.Series([Y2000 + datetime.timedelta(days=value) for value in values], dtype=pl.Datetime("us"))
    return pl.Series(values, dtype=pl.Float64).cast(pl.Boolean if feature.kind == "boolean" else pl.Float64)


def _example_levels(feature: CategoricalFeature, index: int, *, unknown: bool) -> pl.Series:
    """Return the levels in turn; the unknown one is longer than any of them."""
    levels = [*feature.levels, *(["?" * (1 + max(map(len, feature.levels), default=0))] if unknown else [])]
    return pl.Series(
        [levels[(row + index) % len(levels)] if levels else None for row in range(N_EXAMPLE_ROWS)], dtype=pl.String
    )


def _with_gaps(values: pl.Series, index: int, *, gaps: bool) -> pl.Series:
    if not gaps:
        return values
    return pl.Series(
        [None if row % GAP_EVERY == index % GAP_EVERY else value for row, value in enumerate(values)],
        dtype=values.dtype,
    )
