"""Made-up rows that reach every corner of a model: the whole range, every kind of gap, an unknown category."""

import datetime

import polars as pl

from relight.domain.features import CategoricalFeature, Features, NumericFeature

N_ROWS = 64
GAP_EVERY = 7  # rows; by a different offset for each column
Y2000 = datetime.datetime(2000, 1, 1)


def trial_rows(features: Features, *, gaps: bool) -> pl.DataFrame:
    """A clean table of 64 rows with the columns of the features; with `gaps` also missing and unknown values."""
    columns: dict[str, pl.Series] = {}
    for place, feature in enumerate(features.numeric):
        if feature.moment in (None, "elapsed"):
            columns[feature.column] = _with_gaps(_numbers(feature, place), place, gaps=gaps)
    for place, category in enumerate(features.categorical, start=len(columns)):
        columns[category.name] = _with_gaps(_levels(category, place, unknown=gaps), place, gaps=gaps)
    return pl.DataFrame(columns)


def _numbers(feature: NumericFeature, place: int) -> pl.Series:
    """Values that the train rows have, from the smallest to the largest, by another stride for each column."""
    known = feature.quantiles or [feature.mean]
    stride = 2 * place + 1
    values = [known[row * stride % N_ROWS * (len(known) - 1) // (N_ROWS - 1)] for row in range(N_ROWS)]
    if feature.kind == "datetime":
        return pl.Series([Y2000 + datetime.timedelta(days=value) for value in values], dtype=pl.Datetime("us"))
    return pl.Series(values, dtype=pl.Float64).cast(pl.Boolean if feature.kind == "boolean" else pl.Float64)


def _levels(feature: CategoricalFeature, place: int, *, unknown: bool) -> pl.Series:
    """The levels in turn; the unknown one is longer than any of them."""
    levels = [*feature.levels, *(["?" * (1 + max(map(len, feature.levels), default=0))] if unknown else [])]
    return pl.Series(
        [levels[(row + place) % len(levels)] if levels else None for row in range(N_ROWS)], dtype=pl.String
    )


def _with_gaps(values: pl.Series, place: int, *, gaps: bool) -> pl.Series:
    if not gaps:
        return values
    return pl.Series(
        [None if row % GAP_EVERY == place % GAP_EVERY else value for row, value in enumerate(values)],
        dtype=values.dtype,
    )
