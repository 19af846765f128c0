"""Windows whose answers an exported forecast must give as the model does: real ones, and made-up ones."""

import numpy as np
import polars as pl

from relight.domain.cycles import waves
from relight.domain.frequency import DAY, SECOND
from relight.domain.series_features import SeriesFeatures

Inputs = dict[str, np.ndarray]

N_WINDOWS = 64
GAPS = 0.1  # of the numbers of covariates


def trial_windows(features: SeriesFeatures) -> Inputs:
    """Windows from 2000 on, with levels and gaps as no train row may have them; as `real_windows` in the rest."""
    draw, known = np.random.default_rng(0), features.known
    n_steps, n_known = known.length + known.horizon, n_known_of(features)
    numbers = draw.normal(size=(N_WINDOWS, n_steps, 1 + len(features.covariates)))
    numbers[:, :, 0] = features.mean + features.scale * numbers[:, :, 0].cumsum(axis=1)
    for place, covariate in enumerate(features.covariates, start=1):
        numbers[:, :, place] = covariate.mean + covariate.std * numbers[:, :, place]
    numbers[:, :, 1:][draw.random(numbers[:, :, 1:].shape) < GAPS] = np.nan
    steps = 11 * np.arange(N_WINDOWS)[:, None] + np.arange(n_steps)  # a window every 11 steps
    return _read(numbers.astype(np.float32), _times(steps, features), features, n_known)


def real_windows(arrays: dict[str, np.ndarray], times: pl.Series, features: SeriesFeatures, most: int) -> Inputs:
    """The first windows of a part.

    Args:
        arrays: as `encode_part` gives them.
        times: of each row of the table.

    Returns:
        past (n, length, 1 + n_covariates) float32, time (n, length + horizon) float64 numbers or int64 microseconds
        since 1970, known (n, horizon, n_known) float32; what the model does not read is left out.
    """
    known = features.known
    places = arrays["origin"][:most, None] + np.arange(-known.length, known.horizon)
    covariates = arrays["covariates"][:, : len(features.covariates)]
    numbers = np.concatenate([arrays["value"][:, None], covariates], axis=1)[places]
    time = times.to_physical().to_numpy()[arrays["row"]][places]
    return _read(numbers, time, features, n_known_of(features))


def windows_of_model(inputs: Inputs, features: SeriesFeatures) -> tuple[np.ndarray, np.ndarray]:
    """Past and future as the model itself takes them, the waves among them."""
    n, length, horizon = len(inputs["past"]), features.known.length, features.known.horizon
    past, future = inputs["past"], inputs.get("known", np.empty((n, horizon, 0), dtype=np.float32))
    if "time" not in inputs:
        return past, future
    flat = pl.Series(inputs["time"].reshape(-1))
    found = waves(flat if flat.dtype == pl.Float64 else flat.cast(pl.Datetime("us")), features.cycles)
    found = found.reshape(n, length + horizon, -1)
    return np.concatenate([past, found[:, :length]], axis=2), np.concatenate([future, found[:, length:]], axis=2)


def n_known_of(features: SeriesFeatures) -> int:
    return sum(covariate.known for covariate in features.covariates)


def _read(numbers: np.ndarray, time: np.ndarray, features: SeriesFeatures, n_known: int) -> Inputs:
    """What the model reads of the windows, (n, length + horizon, ...) each."""
    length = features.known.length
    inputs = {"past": numbers[:, :length]}
    if features.cycles:
        inputs["time"] = time
    if n_known:
        inputs["known"] = numbers[:, length:, -n_known:]
    return {name: np.ascontiguousarray(values) for name, values in inputs.items()}


def _times(steps: np.ndarray, features: SeriesFeatures) -> np.ndarray:
    frequency = features.known.frequency
    if frequency.unit == "number":
        return (steps * frequency.every).astype(np.float64)
    seconds = frequency.every * (30 * DAY if frequency.unit == "month" else 1)
    y2000: np.ndarray = np.datetime64("2000-01-01", "us").astype(np.int64) + steps * seconds * SECOND
    return y2000
