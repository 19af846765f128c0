"""The calendar as waves: sine and cosine of the time within a year, a week, a day, known for any future time."""

from datetime import time

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from relight.data.schema import MICROSECONDS_PER_SECOND, SECONDS_PER_DAY, Frequency

PERIOD_SECONDS = {
    "year": 365.2425 * SECONDS_PER_DAY,
    "week": 7.0 * SECONDS_PER_DAY,
    "day": 1.0 * SECONDS_PER_DAY,
}
N_HARMONICS = 3
MIN_PERIODS_SEEN = 2  # periods of a cycle that the train rows must span
SECONDS_TO_2000 = 946_684_800  # from 1970


class Cycle(BaseModel):
    """A cycle of the calendar, or of a season of numbered steps.

    Attributes:
        period: in seconds, or in whole numbers if the times are such.
        harmonics: the number of waves: of the period, of half of it, and so on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    period: float = Field(gt=0, allow_inf_nan=False)
    harmonics: int = Field(ge=0, le=64)


def find_cycles(times: pl.Series, frequency: Frequency, season: int) -> list[Cycle]:
    """Return the cycles that the train rows span twice, and that are at least two steps long.

    Args:
        times: of the train rows.
    """
    positions = seconds_since_2000(times)
    step = _step(frequency)
    periods = {"season": float(season * frequency.every)} if frequency.unit == "number" else PERIOD_SECONDS
    span = float(positions.max() - positions.min()) if len(positions) else 0.0
    return [
        Cycle(name=name, period=period, harmonics=min(N_HARMONICS, int(period / step / 2)))
        for name, period in periods.items()
        if period >= 2 * step and span >= MIN_PERIODS_SEEN * period
    ]


def fourier_features(times: pl.Series, cycles: list[Cycle]) -> np.ndarray:
    """Return sine and cosine of each harmonic of each cycle, float32 (n_rows, 2 * n_harmonics)."""
    positions = seconds_since_2000(times)
    columns = [
        wave(2 * np.pi * harmonic * (positions / cycle.period % 1))
        for cycle in cycles
        for harmonic in range(1, cycle.harmonics + 1)
        for wave in (np.sin, np.cos)
    ]
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.empty((len(positions), 0), dtype=np.float32)


def fourier_feature_names(cycles: list[Cycle]) -> list[str]:
    """Return the names of the columns of `fourier_features`."""
    return [
        f"{cycle.name}.{wave}{harmonic}"
        for cycle in cycles
        for harmonic in range(1, cycle.harmonics + 1)
        for wave in ("sin", "cos")
    ]


def on_clock(times: pl.Series, zone: str | None) -> pl.Series:
    """Return times in UTC as the clock of a zone shows them; as they are if there is none."""
    if zone is None:
        return times
    return times.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.replace_time_zone(None)


def wall_clock(times: pl.Series) -> pl.Series:
    """Return times as the clock of their own zone shows them; numbers, and times without a zone, as they are."""
    return times.dt.replace_time_zone(None) if zone_of(times) is not None else times


def zone_of(times: pl.Series) -> str | None:
    """Return the zone that times carry with them."""
    return times.dtype.time_zone if isinstance(times.dtype, pl.Datetime) else None


def seconds_since_2000(times: pl.Series) -> np.ndarray:
    """Return seconds since 2000 on the clock of the times, or the numbers as they are, float64 (n_rows,)."""
    if times.dtype == pl.Float64:
        return times.to_numpy()
    return wall_clock(times).to_physical().to_numpy() / MICROSECONDS_PER_SECOND - SECONDS_TO_2000


def _step(frequency: Frequency) -> float:
    """Return the mean length of a step, in seconds or whole numbers."""
    if frequency.weekdays is not None:
        return 7 * SECONDS_PER_DAY / len(frequency.weekdays)
    return frequency.every * (30.4369 * SECONDS_PER_DAY if frequency.unit == "month" else 1.0)


def format_times(times: pl.Series, among: pl.Series) -> pl.Series:
    """Return times as a person writes them: to the day if no time of the table is at another time of the day.

    Times with a zone are written with their offset.

    Args:
        times: numbers stay as they are.
        among: all times of the table, which decide on the precision.
    """
    if not isinstance(among.dtype, pl.Datetime):
        return times
    if zone_of(times) is not None:
        return times.dt.to_string("%Y-%m-%dT%H:%M:%S%:z")
    if (among.dt.time() == time()).all():
        return times.dt.date()
    return times.dt.to_string("%Y-%m-%dT%H:%M:%S") if (among.dt.microsecond() == 0).all() else times
