"""The train rows of series → what they say of scales, covariates, cycles of the calendar."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.domain.cycles import find_cycles
from relight.domain.schema import Column, Schema, SeriesSchema
from relight.domain.series_features import Covariate, SeriesFeatures
from relight.domain.splitting import TRAIN, Parts

MOST_LEVELS = 20  # of a category; the others are as a gap


class _Differences(NamedTuple):
    scale: float
    seasonal_error: float | None


def describe_series(rows: pl.DataFrame, schema: Schema, parts: Parts) -> SeriesFeatures:
    """From the train rows alone.

    Args:
        rows: on their grid, the series one after the other; the target with its gaps.
    """
    known = schema.series
    assert known is not None
    train = rows.filter(parts == TRAIN)
    differences = _differences(train, schema.target, known)
    ordered = sorted(schema.features, key=lambda column: column.name in known.known)
    return SeriesFeatures(
        known=known,
        mean=float(train[schema.target].mean() or 0.0),  # type: ignore[arg-type]  # of numbers
        **differences._asdict(),
        covariates=[found for column in ordered for found in _covariates(train[column.name], column, known)],
        cycles=find_cycles(train[known.time], known.frequency, known.season),
    )


def levels_of(train: pl.Series) -> list[str]:
    """Of a category in the train rows, the most frequent first, of equal ones in the order of texts."""
    counts = train.drop_nulls().alias("level").value_counts(name="n")
    return counts.sort("n", "level", descending=[True, False])["level"].to_list()


def _covariates(train: pl.Series, column: Column, known: SeriesSchema) -> list[Covariate]:
    is_known = column.name in known.known
    if column.kind != "categorical":
        return [_covariate(train, is_known)]
    levels, name = levels_of(train)[:MOST_LEVELS], column.name
    return [
        Covariate(name=f"{name}={level}", mean=0.0, std=1.0, known=is_known, column=name, level=level)
        for level in levels
    ]


def _covariate(values: pl.Series, is_known: bool) -> Covariate:
    there = values.drop_nulls().to_numpy()
    mean, std = (float(there.mean()), float(there.std())) if len(there) else (0.0, 0.0)
    return Covariate(name=values.name, mean=mean, std=std, known=is_known)


def _differences(train: pl.DataFrame, target: str, known: SeriesSchema) -> _Differences:
    keys = [known.series] if known.series else []
    groups = train.partition_by(keys, maintain_order=True) if keys else [train]
    values = [group[target].cast(pl.Float64).to_numpy() for group in groups]
    steps = np.concatenate([value[1:] - value[:-1] for value in values])
    seasons = np.concatenate([np.abs(value[known.season :] - value[: -known.season]) for value in values])
    scale = float(np.nanstd(steps)) if np.isfinite(steps).any() else 0.0
    error = float(np.nanmean(seasons)) if np.isfinite(seasons).any() else 0.0
    return _Differences(scale or 1.0, error or None)
