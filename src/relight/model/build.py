"""Params and features to network.

Params and features → the network that they describe.

The families from the authors' packages are imported where they are chosen: those packages import scikit-learn,
2 CPU seconds that a straight line need not wait for.

A name and its section → the network of sequences that they describe.

Params and features → the forecaster that they describe.
"""

from typing import get_args

import torch
from torch import Tensor, nn

from relight.data.features import Features, SeriesFeatures
from relight.errors import InputError
from relight.model.checks import TargetScale, assert_model_reads
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.categories import Categories, Flat
from relight.model.networks.forecaster import Forecast, Forecaster
from relight.model.networks.forecasts import Decoder, DLinear, PatchTransformer
from relight.model.networks.mlp import Linear, LinearParameters, Mlp
from relight.model.networks.sequences import Convolution, Recurrent
from relight.model.networks.tower import Pairs
from relight.model.params import (
    ConvolutionParams,
    DecoderParams,
    DLinearParams,
    MlpPleParams,
    ModelParams,
    PatchTransformerParams,
    RecurrentParams,
    SequenceModelName,
    TabmParams,
    TowerParams,
)
from relight.model.pipeline import Back, Fitted, Members, Temperature
from relight.model.preprocessing import Front, needs_front

SequenceParams = ConvolutionParams | RecurrentParams | DecoderParams | DLinearParams | PatchTransformerParams


def build_model(params: ModelParams, features: Features, *, target_scale: TargetScale, seeds: int = 1) -> nn.Module:
    """A new network with weights drawn from torch's generator: seed it first.

    Raises:
        InputError: when the model cannot read these features.
    """
    assert_model_reads(params, features)
    if features.pairs is not None:
        return Pairs(features, features.pairs, params.tower or TowerParams())
    if features.series is not None:
        return build_forecaster(params, features.series)
    d_out = 1 if features.task in ("regression", "binary", "ranking") else len(features.classes or [])
    if not needs_front(params, features, target_scale, seeds):
        return _network(params, len(features.numeric), d_out)
    front = Front(features, params.numeric)
    copies = [_body(params, features, front, d_out) for _ in range(seeds)]
    return Fitted(front, copies[0] if seeds == 1 else Members(copies), _back(features, target_scale))


def _back(features: Features, target_scale: TargetScale) -> nn.Module:
    if features.task == "ranking":
        return nn.Identity()
    if features.task != "regression":
        return Temperature()
    return nn.Identity() if target_scale == "none" else Back(features, target_scale)


def _body(params: ModelParams, features: Features, front: Front, d_out: int) -> nn.Module:
    """What learns: (numbers, codes) in, outputs on the network's scale out."""
    match params.name:
        case "linear_parameters" | "linear" | "mlp":
            categories = Categories(front.n_levels)
            return Flat(categories, _network(params, front.d_numbers + sum(categories.widths), d_out))
        case "mlp_ple":
            return _mlp_ple(params.mlp_ple, features, front, d_out)
        case "tabm" | "tabm_small":
            return _tabm(getattr(params, params.name), features, front, d_out)
        case "ft_transformer":
            from relight.model.networks.tabular import FtTransformer

            return FtTransformer(front.d_numbers, front.n_levels, d_out, params.ft_transformer)
        case "convolution" | "rnn" | "lstm" | "gru":
            return _of_sequences(params, features, front, d_out)
        case _:
            raise AssertionError("auto is settled before; forecasts and towers have no front of this kind")


def _of_sequences(params: ModelParams, features: Features, front: Front, d_out: int) -> nn.Module:

    from relight.model.networks.categories import Steps

    assert features.sequence is not None
    assert params.name in ("convolution", "rnn", "lstm", "gru")
    categories = Categories(front.n_levels)
    d_past, length = front.d_numbers + sum(categories.widths), features.sequence.longest
    section = getattr(params, params.name)
    return Steps(categories, sequence_body(params.name, section, d_past, 0, d_out, length=length, horizon=0))


def _network(params: ModelParams, d_in: int, d_out: int) -> nn.Module:
    """A network of one flat row."""
    match params.name:
        case "linear_parameters":
            return LinearParameters()
        case "linear":
            return Linear(d_in, d_out)
        case _:
            assert params.mlp is not None
            return Mlp(d_in, d_out, params.mlp)


def _mlp_ple(params: MlpPleParams, features: Features, front: Front, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import MlpPle, NumericEmbeddings, bins_of

    numbers = NumericEmbeddings(bins_of(features, front, params.n_bins), front.d_numbers, params.d_embedding)
    return MlpPle(numbers, Categories(front.n_levels), d_out, params)


def _tabm(params: TabmParams, features: Features, front: Front, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import NumericEmbeddings, Tabm, bins_of

    numbers = NumericEmbeddings(bins_of(features, front, params.n_bins), front.d_numbers, params.d_embedding)
    return Tabm(numbers, Categories(front.n_levels), d_out, params)


def untrained_model(
    params: ModelParams, features: Features, *, target_scale: TargetScale, seed: int, seeds: int = 1
) -> nn.Module:
    """The model before its first step; the same weights for the same seed.

    Of several copies the first is drawn with `seed`, the next with `seed + 1`, and so on: each is the model that its
    seed alone would give.
    """
    torch.manual_seed(seed)
    model = build_model(params, features, target_scale=target_scale, seeds=seeds)
    if isinstance(model, Fitted) and isinstance(model.body, Members):
        for place in range(1, seeds):
            torch.manual_seed(seed + place)
            other = build_model(params, features, target_scale=target_scale, seeds=2)
            model.body.copies[place] = _first_copy(other)
    return model


def _first_copy(model: nn.Module) -> nn.Module:
    assert isinstance(model, Fitted)
    assert isinstance(model.body, Members)
    return model.body.copies[0]


def sequence_body(
    name: SequenceModelName,
    params: SequenceParams,
    d_past: int,
    d_future: int,
    d_out: int,
    *,
    length: int,
    horizon: int,
) -> nn.Module:
    """A new network with weights drawn from torch's generator: seed it first.

    Its forward takes past (n, length, d_past) float32, lengths (n,) int64 and future (n, horizon, d_future) float32.

    Args:
        params: the section of that name.
        d_past: channels of the past; in a forecast the first is the target.
        d_future: channels that are known ahead.
        d_out: classes, or 1 for a number; in a forecast the horizon.
        length: steps of the past, with padding.
        horizon: 0 where nothing is forecast.

    Raises:
        InputError: when the model forecasts, and nothing is to be forecast.
    """
    d_future_total = horizon * d_future
    match name, params:
        case "convolution", ConvolutionParams():
            return Convolution(d_past, d_future_total, d_out, params, length=length, horizon=horizon)
        case ("rnn" | "lstm" | "gru") as cell, RecurrentParams():
            return Recurrent(d_past, d_future_total, d_out, params, cell=cell, length=length)
        case "decoder", DecoderParams():
            _assert_forecast(name, horizon)
            return Decoder(d_past, d_future_total, horizon, params, length=length)
        case "dlinear", DLinearParams():
            _assert_forecast(name, horizon)
            return DLinear(d_future_total, horizon, params, length=length)
        case "patch_transformer", PatchTransformerParams():
            return PatchTransformer(d_past, d_future_total, d_out, params, length=length)
    raise AssertionError(f"{name} has another section than {type(params).__name__}")


def _assert_forecast(name: str, horizon: int) -> None:
    if horizon < 1:
        raise InputError(
            f"model.name: {name} continues a series, however: there are no steps to forecast; "
            "set model.name to convolution"
        )


class FlatWindow(nn.Module):
    """A network of one flat row reads a window as one. **Shape**: as `sequence_body` in and out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, past: Tensor, _lengths: Tensor, future: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([past.flatten(1), future.flatten(1)], dim=1))
        return out


def build_forecaster(params: ModelParams, features: SeriesFeatures) -> Forecaster:
    """A new one with weights drawn from torch's generator; its autoregression is 0 until it is fitted."""
    known, n_covariates = features.known, len(features.covariates)
    n_known = sum(covariate.known for covariate in features.covariates)
    n_waves = features.n_channels - 1 - n_covariates
    linear = Autoregression(known.length, known.horizon, n_covariates, n_known, n_waves)
    d_window = known.length * features.n_channels + known.horizon * features.n_future
    return Forecaster(features, Forecast(linear, _forecast_network(params, features), d_window, known.horizon))


def _forecast_network(params: ModelParams, features: SeriesFeatures) -> nn.Module:
    length, horizon = features.known.length, features.known.horizon
    if params.name == "mlp":
        assert params.mlp is not None
        d_in = length * features.n_channels + horizon * features.n_future
        return FlatWindow(Mlp(d_in, horizon, params.mlp))
    name = next(name for name in get_args(SequenceModelName) if name == params.name)
    section = getattr(params, name)
    return sequence_body(name, section, features.n_channels, features.n_future, horizon, length=length, horizon=horizon)
