"""The `model` section and the features → the model that they describe.

The fields of a section are the keyword arguments of its network; only this file knows both. The architectures from the
authors' packages are imported when they are chosen, because those packages import scikit-learn, 2 CPU seconds that a
straight line need not wait for.
"""

from typing import get_args

import torch
from torch import Tensor, nn

from relight.data.features import Features, NumericFeature, SeriesFeatures
from relight.errors import InputError
from relight.model.checks import TargetScale, assert_model_reads, columns_to_keep
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.categories import Categories, ConcatFeatures
from relight.model.networks.forecaster import Forecast, Forecaster
from relight.model.networks.forecasts import Decoder, DLinear, PatchTransformer
from relight.model.networks.mlp import Linear, LinearParameters, Mlp
from relight.model.networks.sequences import Convolution, Recurrent
from relight.model.networks.tower import NgramHasher, NumericColumns, SiameseModel, Tower
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
from relight.model.pipeline import DeepEnsemble, TabularModel, TargetTransform, Temperature
from relight.model.preprocessing import Preprocessor, needs_preprocessor

SequenceParams = ConvolutionParams | RecurrentParams | DecoderParams | DLinearParams | PatchTransformerParams


def build_model(params: ModelParams, features: Features, *, target_scale: TargetScale, seeds: int = 1) -> nn.Module:
    """Return a new network with weights drawn from torch's generator: seed it first.

    Raises:
        InputError: if the model cannot read these features.
    """
    assert_model_reads(params, features)
    match features.kind:
        case "pairs":
            return _siamese_model(params.tower or TowerParams(), features)
        case "series":
            return build_forecaster(params, features)
        case "table" | "sequences":
            return _tabular_model(params, features, target_scale, seeds)


def _tabular_model(params: ModelParams, features: Features, target_scale: TargetScale, seeds: int) -> nn.Module:
    """A network of table rows, or of sequences whose steps are table rows, with its preprocessor if it needs one."""
    d_out = 1 if features.task in ("regression", "binary", "ranking") else len(features.classes or [])
    if not needs_preprocessor(params, features, target_scale, seeds):
        return _network(params, len(features.numeric), d_out)
    preprocessor = Preprocessor(features, params.numeric)
    networks = [_preprocessed_network(params, features, preprocessor, d_out) for _ in range(seeds)]
    network = networks[0] if seeds == 1 else DeepEnsemble(networks)
    return TabularModel(preprocessor, network, _target_transform(features, target_scale))


def column_bins(features: Features, preprocessor: Preprocessor, n_bins: int) -> list[Tensor]:
    """Return the edges of the bins of each column that the preprocessor scales, on its scale."""
    from relight.model.networks.tabular import bin_edges

    kept = [features.numeric[index] for index in preprocessor.keep.tolist()]
    return bin_edges([_quantiles(feature) for feature in kept], preprocessor.scaling, n_bins=n_bins)


def _quantiles(feature: NumericFeature) -> list[float]:
    """The quantiles between the smallest and the largest value, because the outer two may come from some rows only."""
    return [feature.low, *feature.quantiles[1:-1], feature.high]


def _target_transform(features: Features, target_scale: TargetScale) -> nn.Module:
    if features.task == "ranking":
        return nn.Identity()
    if features.task != "regression":
        return Temperature()
    return nn.Identity() if target_scale == "none" else TargetTransform(features, target_scale)


def _preprocessed_network(params: ModelParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    """The part that learns: x_num and x_cat in, outputs on the network's scale out."""
    match params.name:
        case "linear_parameters" | "linear" | "mlp":
            categories = Categories(_cat_cardinalities(preprocessor))
            return ConcatFeatures(categories, _network(params, preprocessor.d_numbers + sum(categories.widths), d_out))
        case "mlp_ple":
            return _mlp_ple(params.mlp_ple, features, preprocessor, d_out)
        case "tabm" | "tabm_small":
            return _tabm(getattr(params, params.name), features, preprocessor, d_out)
        case "ft_transformer":
            from relight.model.networks.tabular import FtTransformer

            return FtTransformer(
                preprocessor.d_numbers, _cat_cardinalities(preprocessor), d_out, **dict(params.ft_transformer)
            )
        case "convolution" | "rnn" | "lstm" | "gru":
            return _sequence_network(params, features, preprocessor, d_out)
        case _:
            raise AssertionError("auto is resolved before; forecasts and towers are built elsewhere")


def _cat_cardinalities(preprocessor: Preprocessor) -> list[int]:
    """The number of codes of each category: its levels, and code 0."""
    return [n_levels + 1 for n_levels in preprocessor.n_levels]


def _network(params: ModelParams, d_in: int, d_out: int) -> nn.Module:
    """A network that reads a flat row."""
    match params.name:
        case "linear_parameters":
            return LinearParameters()
        case "linear":
            return Linear(d_in, d_out)
        case _:
            assert params.mlp is not None
            return Mlp(d_in, d_out, **dict(params.mlp))


def _sequence_network(params: ModelParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    from relight.model.networks.categories import ConcatStepFeatures

    assert features.sequence is not None
    assert params.name in ("convolution", "rnn", "lstm", "gru")
    categories = Categories(_cat_cardinalities(preprocessor))
    d_past, length = preprocessor.d_numbers + sum(categories.widths), features.sequence.longest
    section = getattr(params, params.name)
    network = sequence_network(params.name, section, d_past, 0, d_out, length=length, horizon=0)
    return ConcatStepFeatures(categories, network)


def _mlp_ple(params: MlpPleParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import MlpPle, NumericEmbeddings

    bins = column_bins(features, preprocessor, params.n_bins)
    return MlpPle(
        NumericEmbeddings(preprocessor.d_numbers, bins=bins, d_embedding=params.d_embedding),
        Categories(_cat_cardinalities(preprocessor)),
        d_out,
        n_blocks=params.n_blocks,
        d_block=params.d_block,
        dropout=params.dropout,
        n_bins=params.n_bins,
    )


def _tabm(params: TabmParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import NumericEmbeddings, Tabm

    bins = column_bins(features, preprocessor, params.n_bins)
    return Tabm(
        NumericEmbeddings(preprocessor.d_numbers, bins=bins, d_embedding=params.d_embedding),
        Categories(_cat_cardinalities(preprocessor)),
        d_out,
        k=params.k,
        n_blocks=params.n_blocks,
        d_block=params.d_block,
        dropout=params.dropout,
        n_bins=params.n_bins,
    )


def _siamese_model(params: TowerParams, features: Features) -> SiameseModel:
    pairs, kept = features.pairs, columns_to_keep(features, "standardize")
    assert pairs is not None
    columns = [features.numeric[index] for index in kept]
    tower = Tower(
        NumericColumns(kept, [feature.mean for feature in columns], [feature.std for feature in columns]),
        [len(feature.levels) + 1 for feature in features.categorical],
        n_texts=len(pairs.texts),
        n_buckets=pairs.n_buckets,
        d_embedding=params.d_embedding,
    )
    hasher = NgramHasher(n_texts=len(pairs.texts), n_letters=pairs.n_letters, n_buckets=pairs.n_buckets)
    return SiameseModel(hasher, tower)


def untrained_model(
    params: ModelParams, features: Features, *, target_scale: TargetScale, seed: int, seeds: int = 1
) -> nn.Module:
    """Return the model before its first step; the same weights for the same seed.

    The first of several copies is drawn with `seed`, the next with `seed + 1`, and so on: each is the model of a
    training with that seed only.
    """
    torch.manual_seed(seed)
    model = build_model(params, features, target_scale=target_scale, seeds=seeds)
    if isinstance(model, TabularModel) and isinstance(model.network, DeepEnsemble):
        for index in range(1, seeds):
            torch.manual_seed(seed + index)
            other = build_model(params, features, target_scale=target_scale, seeds=2)
            model.network.networks[index] = _first_network(other)
    return model


def _first_network(model: nn.Module) -> nn.Module:
    assert isinstance(model, TabularModel)
    assert isinstance(model.network, DeepEnsemble)
    return model.network.networks[0]


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


def build_forecaster(params: ModelParams, features: Features) -> Forecaster:
    """Return a new forecaster with weights drawn from torch's generator; its autoregression is 0 until it is fitted."""
    series = features.series
    assert series is not None
    length, horizon, n_covariates = series.series_schema.length, series.series_schema.horizon, len(series.covariates)
    linear = Autoregression(
        length,
        horizon,
        n_covariates=n_covariates,
        n_future_covariates=sum(covariate.known for covariate in series.covariates),
        n_waves=series.n_channels - 1 - n_covariates,
    )
    d_window = length * series.n_channels + horizon * series.n_future
    network = _forecast_network(params, series)
    return Forecaster(series, Forecast(linear, network, d_window=d_window, horizon=horizon))


def _forecast_network(params: ModelParams, features: SeriesFeatures) -> nn.Module:
    length, horizon = features.series_schema.length, features.series_schema.horizon
    if params.name == "mlp":
        assert params.mlp is not None
        d_in = length * features.n_channels + horizon * features.n_future
        return FlatWindow(Mlp(d_in, horizon, **dict(params.mlp)))
    name = next(name for name in get_args(SequenceModelName) if name == params.name)
    section = getattr(params, name)
    return sequence_network(
        name, section, features.n_channels, features.n_future, horizon, length=length, horizon=horizon
    )
