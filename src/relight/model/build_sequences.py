"""The `model` section and the features → the networks that read steps: those of sequences, and forecasters."""

from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.data.series_features import SeriesFeatures
from relight.errors import InputError
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Forecast, Forecaster, Mixture
from relight.model.networks.forecasts import Decoder, DLinear, PatchTransformer
from relight.model.networks.mlp import Mlp
from relight.model.networks.sequences import Convolution, Recurrent
from relight.model.networks.small_models import SmallModels
from relight.model.own_network import own_step_network
from relight.model.params import (
    ConvolutionParams,
    DecoderParams,
    DLinearParams,
    ModelParams,
    PatchTransformerParams,
    RecurrentParams,
    SequenceModelName,
)
from relight.own_code.calls import Call

SequenceParams = ConvolutionParams | RecurrentParams | DecoderParams | DLinearParams | PatchTransformerParams


def sequence_network(
    name: SequenceModelName,
    params: SequenceParams,
    d_past: int,
    d_future: int,
    d_out: int,
    *,
    length: int,
    horizon: int,
) -> nn.Module:
    """Return a new network with weights drawn from torch's generator: seed it first.

    Its forward takes past (n, length, d_past) float32, lengths (n,) int64 and future (n, horizon, d_future) float32.

    Args:
        params: the section of that name.
        d_past: channels of the past; in a forecast the first is the target.
        d_future: channels that are given ahead.
        d_out: classes, or 1 for a number; in a forecast the horizon.
        length: steps of the past, with padding.
        horizon: the steps to forecast; 0 if nothing is forecast.

    Raises:
        InputError: if the network only forecasts, and nothing is to be forecast.
    """
    _assert_steps_to_forecast(name, horizon)
    d_total = horizon * d_future
    match name, params:
        case "convolution", ConvolutionParams():
            return Convolution(d_past, d_out, d_future_total=d_total, length=length, horizon=horizon, **dict(params))
        case ("rnn" | "lstm" | "gru") as cell, RecurrentParams():
            return Recurrent(d_past, d_out, d_future_total=d_total, length=length, cell=cell, **dict(params))
        case "decoder", DecoderParams():
            return Decoder(d_past, horizon, d_future_total=d_total, length=length, **dict(params))
        case "dlinear", DLinearParams():
            return DLinear(length, horizon, d_future_total=d_total, **dict(params))
        case "patch_transformer", PatchTransformerParams():
            return PatchTransformer(d_past, d_out, d_future_total=d_total, length=length, **dict(params))
    raise AssertionError(f"{name} has another section than {type(params).__name__}")


def _assert_steps_to_forecast(name: SequenceModelName, horizon: int) -> None:
    if name in ("decoder", "dlinear") and horizon < 1:
        raise InputError(
            f"model.name: must be a network that classifies, got {name}, which continues a series; "
            "set model.name to convolution"
        )


class FlatWindow(nn.Module):
    """Flattens a window for a network that reads a flat row. **Shape**: as `sequence_network` in and out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, past: Tensor, _lengths: Tensor, future: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([past.flatten(1), future.flatten(1)], dim=1))
        return out


def build_step_network(
    params: ModelParams, d_past: int, d_future: int, d_out: int, *, length: int, horizon: int, project: Path
) -> nn.Module:
    """Return the network that `model.name` names, or the user's own. **Shape**: as `sequence_network`."""
    if isinstance(params.name, Call):
        return own_step_network(params.name, d_past, d_future, d_out, length=length, horizon=horizon, project=project)
    name = next(name for name in get_args(SequenceModelName) if name == params.name)
    section = getattr(params, name)
    return sequence_network(name, section, d_past, d_future, d_out, length=length, horizon=horizon)


def build_forecaster(params: ModelParams, features: Features, project: Path = Path()) -> Forecaster:
    """Return a new forecaster with weights drawn from torch's generator; all that is fitted in closed form is 0."""
    series = features.series
    assert series is not None
    length, horizon = series.series_schema.length, series.series_schema.horizon
    d_window = length * series.n_channels + horizon * series.n_future
    network = _forecast_network(params, series, project)
    body = Forecast(_autoregression(series), network, d_window=d_window, horizon=horizon)
    return Forecaster(series, body, _mixture(series) if params.small_models == "mix" else None)


def _autoregression(features: SeriesFeatures) -> Autoregression:
    n_covariates = len(features.covariates)
    return Autoregression(
        features.series_schema.length,
        features.series_schema.horizon,
        n_covariates=n_covariates,
        n_future_covariates=sum(covariate.known for covariate in features.covariates),
        n_waves=features.n_channels - 1 - n_covariates,
    )


def _mixture(features: SeriesFeatures) -> Mixture:
    schema, n_series = features.series_schema, len(features.each)
    small = SmallModels(schema.length, schema.horizon, n_series=n_series, season=schema.season)
    return Mixture(small, _autoregression(features), n_series=n_series)


def _forecast_network(params: ModelParams, features: SeriesFeatures, project: Path) -> nn.Module:
    length, horizon = features.series_schema.length, features.series_schema.horizon
    if params.name == "mlp":
        assert params.mlp is not None
        d_in = length * features.n_channels + horizon * features.n_future
        return FlatWindow(Mlp(d_in, horizon, **dict(params.mlp)))
    n_past, n_future = features.n_channels, features.n_future
    return build_step_network(params, n_past, n_future, horizon, length=length, horizon=horizon, project=project)
