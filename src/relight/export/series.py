"""The exported forecaster: values and times in, values in the target's own unit out."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from relight.data.calendar import SECONDS_TO_2000, Cycle, fourier_features, wall_clock
from relight.data.parquet import parquet_schema, read_parquet
from relight.data.schema import MICROSECONDS_PER_SECOND, SECONDS_PER_DAY
from relight.data.series_features import SeriesFeatures
from relight.data.tensors import read_tensors
from relight.export.feeds import series_metadata
from relight.export.programs import (
    N_REAL_ROWS,
    Exported,
    ExportFormat,
    concatenate_arrays,
    export_named,
    model_predictions,
    program_with_named_inputs,
)
from relight.model.networks.forecaster import Forecaster
from relight.model.saved_model import SeriesModel

WindowArrays = dict[str, np.ndarray]
N_EXAMPLE_WINDOWS = 64
GAP_SHARE = 0.1  # of the numbers of covariates


def export_series(export_format: ExportFormat, saved: SeriesModel, prepared: Path, validation: Path) -> Exported:
    """Return the file of a forecaster, with its predictions for example windows and for validation windows."""
    series, metadata = saved.series, series_metadata(saved.features, saved.series)
    inputs = concatenate_arrays(example_windows(series), _read_real_windows(series, prepared, validation))
    program = forecast_program(ExportableForecast(saved.model).eval())
    content, predictions = export_named(export_format, program, inputs, saved.features, metadata)
    expected = model_predictions(saved.model.eval(), *model_windows(inputs, series))
    return Exported(content, predictions, expected, "windows")


def _read_real_windows(series: SeriesFeatures, prepared: Path, validation: Path) -> WindowArrays | None:
    """Return windows of the prepared series, if they exist and are those of this model."""
    if not (prepared.is_file() and validation.is_file()):
        return None
    schema = series.series_schema
    arrays, kind = read_tensors(validation), parquet_schema(prepared).get(schema.time)
    if kind is None or (kind == pl.Float64) != (schema.frequency.unit == "number"):
        return None
    times = read_parquet(prepared)[schema.time]
    fits = "row" in arrays and "covariates" in arrays and arrays["covariates"].shape[1] == series.n_channels - 1
    if not fits or not len(arrays["origin"]) or arrays["row"].max() >= len(times):
        return None
    return real_windows(arrays, times, series, N_REAL_ROWS)


class FourierFeatures(nn.Module):
    """The waves of `data.calendar`. Times are float64 until they are a phase: seconds since 2000 have ten digits.

    **Shape**: (n, n_steps) int64 microseconds since 1970, or float64 numbers, in; (n, n_steps, n_waves) float32 out.
    """

    def __init__(self, cycles: list[Cycle]) -> None:
        super().__init__()
        self.cycles = [(cycle.period, cycle.harmonics) for cycle in cycles]

    def forward(self, time: Tensor) -> Tensor:
        position = time if time.dtype == torch.float64 else time.double() / MICROSECONDS_PER_SECOND - SECONDS_TO_2000
        waves = []
        for period, harmonics in self.cycles:
            turns = position / period
            phase = turns - turns.floor()
            for harmonic in range(1, harmonics + 1):
                angle = (2 * math.pi * harmonic * phase).float()  # ONNX Runtime has no cosine of float64
                waves += [angle.sin(), angle.cos()]
        return torch.stack(waves, dim=2)


class ExportableForecast(nn.Module):
    """A forecaster that computes the waves of the calendar itself.

    **Shape**
        - past: (n, length, 1 + n_covariates) float32: the target without gaps, then the covariates, NaN for a gap
        - time: (n, length + horizon) of the past and the coming steps, as `FourierFeatures`; None without waves
        - known: (n, horizon, n_known) float32, the covariates that are known of steps to come; None without any
        - series: (n,) int64, the number of each series, their count for an unknown one; None if there is only one
        - output: (n, horizon)
    """

    def __init__(self, model: Forecaster) -> None:
        super().__init__()
        self.model = model
        self.fourier_features = FourierFeatures(model.features.cycles)

    def forward(
        self, past: Tensor, time: Tensor | None = None, known: Tensor | None = None, series: Tensor | None = None
    ) -> Tensor:
        n, length, _ = past.shape
        future = past.new_zeros(n, self.model.features.series_schema.horizon, 0) if known is None else known
        if time is not None:
            waves = self.fourier_features(time)
            past, future = torch.cat([past, waves[:, :length]], dim=2), torch.cat([future, waves[:, length:]], dim=2)
        predictions: Tensor = self.model(past, future, series)
        return predictions


def forecast_program(model: ExportableForecast) -> ExportedProgram:
    """Return the graph, for any number of windows; an input that the model does not read is left out."""
    features = model.model.features
    length, horizon = features.series_schema.length, features.series_schema.horizon
    inputs = {"past": torch.zeros(2, length, 1 + len(features.covariates))}
    if features.cycles:
        kind = torch.float64 if features.series_schema.frequency.unit == "number" else torch.int64
        inputs["time"] = torch.zeros(2, length + horizon, dtype=kind)
    if n_known := sum(covariate.known for covariate in features.covariates):
        inputs["known"] = torch.zeros(2, horizon, n_known)
    if features.series_schema.series:
        inputs["series"] = torch.zeros(2, dtype=torch.int64)
    return program_with_named_inputs(model, inputs, dict.fromkeys(inputs, ("n_rows",)))


def example_windows(features: SeriesFeatures) -> WindowArrays:
    """Return windows from 2000 on, with levels and gaps that no train row may have; the arrays of `real_windows`."""
    draw, series_schema = np.random.default_rng(0), features.series_schema
    n_steps, n_known = series_schema.length + series_schema.horizon, n_known_covariates(features)
    numbers = draw.normal(size=(N_EXAMPLE_WINDOWS, n_steps, 1 + len(features.covariates)))
    numbers[:, :, 0] = features.mean + features.scale * numbers[:, :, 0].cumsum(axis=1)
    for channel, covariate in enumerate(features.covariates, start=1):
        numbers[:, :, channel] = covariate.mean + covariate.std * numbers[:, :, channel]
    numbers[:, :, 1:][draw.random(numbers[:, :, 1:].shape) < GAP_SHARE] = np.nan
    steps = 11 * np.arange(N_EXAMPLE_WINDOWS)[:, None] + np.arange(n_steps)  # a window every 11 steps
    series = np.arange(N_EXAMPLE_WINDOWS) % (len(features.each) + 1)  # an unknown one among them
    return _windows_read(numbers.astype(np.float32), _step_times(steps, features), series, features, n_known)


def real_windows(
    arrays: dict[str, np.ndarray], times: pl.Series, features: SeriesFeatures, n_most: int
) -> WindowArrays:
    """Return the first windows of a part.

    Args:
        arrays: as `encode_part` returns them.
        times: of each row of the table.
        n_most: at most so many windows.

    Returns:
        past (n, length, 1 + n_covariates) float32, time (n, length + horizon) float64 numbers or int64 microseconds
        since 1970, known (n, horizon, n_known) float32, series (n,) int64; what the model does not read is left out.
    """
    series_schema = features.series_schema
    step_indices = arrays["origin"][:n_most, None] + np.arange(-series_schema.length, series_schema.horizon)
    covariates = arrays["covariates"][:, : len(features.covariates)]
    numbers = np.concatenate([arrays["value"][:, None], covariates], axis=1)[step_indices]
    time = wall_clock(times).to_physical().to_numpy()[arrays["row"]][step_indices]
    of_window = np.searchsorted(arrays["first"], arrays["origin"][:n_most] - 1, side="right") - 1
    return _windows_read(numbers, time, arrays["series"][of_window], features, n_known_covariates(features))


def model_windows(inputs: WindowArrays, features: SeriesFeatures) -> tuple[np.ndarray, ...]:
    """Return past, future and, of several series, their numbers as the forecaster takes them, with the waves."""
    series = (inputs["series"],) if "series" in inputs else ()
    return *_with_waves(inputs, features), *series


def _with_waves(inputs: WindowArrays, features: SeriesFeatures) -> tuple[np.ndarray, np.ndarray]:
    n, length, horizon = len(inputs["past"]), features.series_schema.length, features.series_schema.horizon
    past, future = inputs["past"], inputs.get("known", np.empty((n, horizon, 0), dtype=np.float32))
    if "time" not in inputs:
        return past, future
    flat = pl.Series(inputs["time"].reshape(-1))
    calendar = fourier_features(flat if flat.dtype == pl.Float64 else flat.cast(pl.Datetime("us")), features.cycles)
    calendar = calendar.reshape(n, length + horizon, -1)
    return np.concatenate([past, calendar[:, :length]], axis=2), np.concatenate([future, calendar[:, length:]], axis=2)


def n_known_covariates(features: SeriesFeatures) -> int:
    """Return how many covariates are known of steps to come."""
    return sum(covariate.known for covariate in features.covariates)


def _windows_read(
    numbers: np.ndarray, time: np.ndarray, series: np.ndarray, features: SeriesFeatures, n_known: int
) -> WindowArrays:
    """Return the inputs that the model reads.

    Args:
        numbers, time: (n, length + horizon, ...).
        series: (n,) the numbers of the series.
    """
    length = features.series_schema.length
    inputs = {"past": numbers[:, :length]}
    if features.cycles:
        inputs["time"] = time
    if n_known:
        inputs["known"] = numbers[:, length:, -n_known:]
    if features.series_schema.series:
        inputs["series"] = series
    return {name: np.ascontiguousarray(values) for name, values in inputs.items()}


def _step_times(steps: np.ndarray, features: SeriesFeatures) -> np.ndarray:
    frequency = features.series_schema.frequency
    if frequency.unit == "number":
        return (steps * frequency.every).astype(np.float64)
    seconds = frequency.every * (30 * SECONDS_PER_DAY if frequency.unit == "month" else 1)
    y2000: np.ndarray = np.datetime64("2000-01-01", "us").astype(np.int64) + steps * seconds * MICROSECONDS_PER_SECOND
    return y2000
