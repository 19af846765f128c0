"""The rows of series → the arrays of one part: what a forecast may see, and where its windows begin.

Only the train rows describe the scales, the covariates and the cycles of the calendar.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from relight.data.calendar import find_cycles, fourier_features
from relight.data.schema import Column, Schema, SeriesSchema
from relight.data.series_features import Covariate, OneSeries, SeriesFeatures
from relight.data.tensors import Arrays
from relight.split.assignment import TRAIN, PartAssignment
from relight.split.encoding import subtract
from relight.split.offsets import find_offset

MAX_COVARIATE_LEVELS = 20  # of a category; all others count as a gap
MIN_DIFFERENCES = 8  # of a series that is learned in a unit of its own
MIN_DEVIATION = 1e-9  # of differences, as a share of their size: those of a straight line differ by rounding


def describe_series(
    rows: pl.DataFrame, schema: Schema, series_schema: SeriesSchema, parts: PartAssignment
) -> SeriesFeatures:
    """Describe series by their train rows.

    Args:
        rows: on their grid, series after series; the target with its gaps.
    """
    train = rows.filter(parts == TRAIN)
    each = _describe_each(train, schema.target, series_schema)
    scales = [series.scale for series in each if series.scale]
    ordered = sorted(schema.features, key=lambda column: column.name in series_schema.known)
    return SeriesFeatures(
        series_schema=series_schema,
        mean=float(train[schema.target].mean() or 0.0),  # type: ignore[arg-type]  # of numbers
        scale=float(np.sqrt(np.mean(np.square(scales)))) if scales else 1.0,
        each=each,
        covariates=[
            covariate for column in ordered for covariate in _covariates(train[column.name], column, series_schema)
        ],
        cycles=find_cycles(train[series_schema.time], series_schema.frequency, series_schema.season),
    )


def frequent_levels(train: pl.Series) -> list[str]:
    """Return the levels of a category in the train rows, the most frequent first, ties in the order of texts."""
    counts = train.drop_nulls().alias("level").value_counts(name="n")
    return counts.sort("n", "level", descending=[True, False])["level"].to_list()


def _covariates(train: pl.Series, column: Column, series_schema: SeriesSchema) -> list[Covariate]:
    is_known = column.name in series_schema.known
    if column.kind != "categorical":
        return [_covariate(train, is_known)]
    levels, name = frequent_levels(train)[:MAX_COVARIATE_LEVELS], column.name
    return [
        Covariate(name=f"{name}={level}", mean=0.0, std=1.0, known=is_known, column=name, level=level)
        for level in levels
    ]


def _covariate(values: pl.Series, is_known: bool) -> Covariate:
    present = values.drop_nulls().to_numpy()
    mean, std = (float(present.mean()), float(present.std())) if len(present) else (0.0, 0.0)
    return Covariate(name=values.name, mean=mean, std=std, known=is_known)


def _describe_each(train: pl.DataFrame, target: str, schema: SeriesSchema) -> list[OneSeries]:
    groups = train.partition_by(schema.series, maintain_order=True) if schema.series else [train]
    return [
        _describe_one(group[schema.series][0] if schema.series else None, group[target].cast(pl.Float64), schema.season)
        for group in groups
    ]


def _describe_one(name: str | None, values: pl.Series, season: int) -> OneSeries:
    numbers, present = values.to_numpy(), values.drop_nulls()
    seasonal_error = _finite_mean(np.abs(numbers[season:] - numbers[:-season]))
    return OneSeries(
        name=name,
        offset=find_offset(values),
        scale=_difference_scale(numbers),
        seasonal_error=seasonal_error or None,
        lowest=float(present.min()) if len(present) else None,  # type: ignore[arg-type]  # of numbers
        highest=float(present.max()) if len(present) else None,  # type: ignore[arg-type]
    )


def _difference_scale(numbers: np.ndarray) -> float:
    """Return the standard deviation of the differences; their size if all are the same, 0 if they are few or zeros."""
    steps = numbers[1:] - numbers[:-1]
    steps = steps[np.isfinite(steps)]
    if len(steps) < MIN_DIFFERENCES:
        return 0.0
    size = float(np.sqrt(np.square(steps).mean()))
    deviation = float(steps.std())
    return deviation if deviation > MIN_DEVIATION * size else size


def _finite_mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def encode_part(rows: pl.DataFrame, target: str, features: SeriesFeatures, parts: PartAssignment, part: int) -> Arrays:
    """Return the rows of a part, with those before it that its first windows see.

    Returns:
        value (n,) float32: the target minus the offset of its series, its gaps filled by what is known at the end of
            the part.
        target (n,) float32: the same, NaN for a gap.
        covariates (n, n_covariates + n_waves) float32, NaN for a gap; 0 and 1 for the levels of a category.
        origin (n_windows,) int64: the index of the first target of each window; `length` rows are before it, and its
            `horizon` targets are in the part. A window without any value to predict is left out.
        row (n,) int64: the row of the table.
        first (n_series,) int64, series (n_series,) int64, offset (n_series,) float64: of each series in turn the index
            of its first row, its number in the features, and its offset.
    """
    arrays_of_series = [
        _encode_series(first_row, group, target, features, part)
        for first_row, group in _each_series(rows, features.series_schema, parts)
    ]
    return join_series(arrays_of_series)


def join_series(arrays_of_series: list[Arrays]) -> Arrays:
    """Return the arrays of several series as those of one part."""
    starts = np.cumsum([0, *(len(arrays["value"]) for arrays in arrays_of_series)])[:-1]
    joined = {name: np.concatenate([arrays[name] for arrays in arrays_of_series]) for name in arrays_of_series[0]}
    shifted = {
        name: np.concatenate([arrays[name] + start for arrays, start in zip(arrays_of_series, starts, strict=True)])
        for name in ("origin", "first")
    }
    return {**joined, **shifted}


def _each_series(
    rows: pl.DataFrame, series_schema: SeriesSchema, parts: PartAssignment
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the first row of each series in the table, and its rows with their parts."""
    whole = rows.with_columns(pl.Series("part", parts, dtype=pl.Int8))
    groups = whole.partition_by(series_schema.series, maintain_order=True) if series_schema.series else [whole]
    first_row = 0
    for group in groups:
        yield first_row, group
        first_row += group.height


def _encode_series(first_row: int, group: pl.DataFrame, target: str, features: SeriesFeatures, part: int) -> Arrays:
    series_schema, part_rows = features.series_schema, np.flatnonzero(group["part"].to_numpy() == part)
    begin, end = (int(part_rows[0]), int(part_rows[-1]) + 1) if len(part_rows) else (0, 0)
    first = max(0, begin - series_schema.length)
    until = group.head(end)
    seen = until.slice(first)
    name = group[series_schema.series][0] if series_schema.series else None
    number = int(features.numbers([name])[0])
    offset = features.each[number].offset if number < len(features.each) else find_offset(until[target])
    truth = subtract(seen[target], offset).cast(pl.Float32).fill_null(float("nan")).to_numpy()
    covariates = [_column_numbers(seen[covariate.source], covariate.level) for covariate in features.covariates]
    numbers = np.stack(covariates, axis=1) if covariates else np.empty((seen.height, 0), dtype=np.float32)
    return {
        "value": subtract(fill_gaps(until[target], series_schema.fill).slice(first), offset)
        .cast(pl.Float32)
        .to_numpy(),
        "target": truth,
        "covariates": np.concatenate([numbers, fourier_features(seen[series_schema.time], features.cycles)], axis=1),
        "origin": _window_origins(truth, begin - first, series_schema),
        "row": np.arange(first_row + first, first_row + end, dtype=np.int64),
        "first": np.zeros(1, dtype=np.int64),
        "series": np.array([number], dtype=np.int64),
        "offset": np.array([offset], dtype=np.float64),
    }


def _column_numbers(values: pl.Series, level: str | None) -> np.ndarray:
    """Return the numbers of a column, NaN for a gap; or 1 for a level and 0 for all others, gaps among them."""
    if level is not None:
        return (values == level).fill_null(value=False).cast(pl.Float32).to_numpy()
    return values.cast(pl.Float32).fill_null(float("nan")).to_numpy()


def fill_gaps(values: pl.Series, how: str) -> pl.Series:
    """Fill the gaps by these values only; a gap at the beginning takes the first value."""
    between = values.interpolate() if how == "interpolate" else values
    return between.fill_null(strategy="forward").fill_null(strategy="backward").fill_null(0.0)


def _window_origins(truth: np.ndarray, begin: int, series_schema: SeriesSchema) -> np.ndarray:
    origins = np.arange(
        max(begin, series_schema.length), len(truth) - series_schema.horizon + 1, series_schema.step, dtype=np.int64
    )
    n_before = np.concatenate([[0], np.cumsum(np.isfinite(truth))])  # values before each row
    return origins[n_before[origins + series_schema.horizon] > n_before[origins]]
