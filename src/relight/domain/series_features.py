"""What the train rows say of series: scales, covariates, cycles of the calendar."""

from typing import NamedTuple

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from relight.domain.cycles import Cycle, find_cycles
from relight.domain.schema import Schema, SeriesSchema
from relight.domain.splitting import TRAIN, Parts


class Covariate(BaseModel):
    """A number beside the target.

    Attributes:
        mean, std: of the train rows that have a value.
        known: its future is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mean: float
    std: float
    known: bool


class SeriesFeatures(BaseModel):
    """
    Attributes:
        mean: of the target in the train rows.
        scale: the deviation of the differences between neighbours in the train rows; the network's unit.
        seasonal_error: mean |y(t) - y(t - season)| of the train rows, by which MASE divides (Hyndman and Koehler
            2006, "Another look at measures of forecast accuracy"); None where it is 0 or there is no such pair.
        covariates: past ones first, then those whose future is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: SeriesSchema
    mean: float
    scale: float
    seasonal_error: float | None
    covariates: list[Covariate]
    cycles: list[Cycle]

    @property
    def n_future(self) -> int:
        """How many numbers are known of each step to come."""
        return sum(covariate.known for covariate in self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)

    @property
    def n_channels(self) -> int:
        """How many numbers each step of the past has, the target among them."""
        return 1 + len(self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)


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
        covariates=[_covariate(train[column.name], column.name in known.known) for column in ordered],
        cycles=find_cycles(train[known.time], known.frequency, known.season),
    )


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
