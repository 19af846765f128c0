"""Params and features → the forecaster that they describe."""

from typing import get_args

import torch
from torch import Tensor, nn

from relight.domain.models.autoregression import Autoregression
from relight.domain.models.forecaster import Forecast, Forecaster
from relight.domain.models.mlp import Mlp
from relight.domain.models.sequence_building import sequence_body
from relight.domain.series_features import SeriesFeatures
from relight.params.model import ModelParams
from relight.params.sequence_models import SequenceModelName


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
    return Forecaster(features, Forecast(linear, _network(params, features), d_window, known.horizon))


def _network(params: ModelParams, features: SeriesFeatures) -> nn.Module:
    length, horizon = features.known.length, features.known.horizon
    if params.name == "mlp":
        assert params.mlp is not None
        d_in = length * features.n_channels + horizon * features.n_future
        return FlatWindow(Mlp(d_in, horizon, params.mlp))
    name = next(name for name in get_args(SequenceModelName) if name == params.name)
    section = getattr(params, name)
    return sequence_body(name, section, features.n_channels, features.n_future, horizon, length=length, horizon=horizon)
