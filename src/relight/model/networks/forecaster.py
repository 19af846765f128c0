"""A forecast: the last value plus what a linear autoregression and a network add to it, beside small models."""

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.series_features import SeriesFeatures
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.small_models import LARGEST_LOGARITHM, SmallModels

NOMINAL_COVERAGE = 0.8  # the share of the truth that an interval should hold
LEARNED, SMALL, LOG_LINEAR = range(3)  # the members of a mixture


class WindowFront(nn.Module):
    """Covariates in units of the train rows, a gap becomes their mean; the target stays as it is.

    **Shape**: past (n, length, n_channels) and future (n, horizon, n_future) in and out.

    Args:
        mean, scale: one for each channel of the past, of which the last `n_future` are those of the future.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: list[float], scale: list[float], *, n_future: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.n_future = n_future

    def forward(self, past: Tensor, future: Tensor) -> tuple[Tensor, Tensor]:
        first = len(self.mean) - self.n_future
        return self.steps(past), ((future - self.mean[first:]) / self.scale[first:]).nan_to_num(nan=0.0)

    def steps(self, steps: Tensor) -> Tensor:
        """Scale steps of the past: (..., n_channels) in and out."""
        return ((steps - self.mean) / self.scale).nan_to_num(nan=0.0)


class Forecast(nn.Module):
    """The part that learns. It sees differences to the last value, so that it never meets a new level
    (as in Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", NLinear), in units of each
    series; and the network's part of the output grows from 0 (Bachlechner et al. 2021, "ReZero").

    **Shape**
        - past: (n, length, n_channels) and future: (n, horizon, n_future), scaled; the last value is 0
        - truth: (n, horizon), scaled, for a network that wants it; NaN if there is none
        - output: (n, horizon)

    Args:
        network: past, lengths (n,) int64, future and, if it wants it, truth in; (n, horizon) out.
        d_window: the numbers that a window holds.
    """

    def __init__(self, autoregression: Autoregression, network: nn.Module, *, d_window: int, horizon: int) -> None:
        super().__init__()
        self.d_widest = d_window  # with many windows at once they are what takes memory
        self.autoregression = autoregression
        self.network = network
        self.gate = nn.Parameter(torch.zeros(horizon))

    @property
    def wants_truth(self) -> bool:
        """Return whether the network is shown its targets in training."""
        return bool(getattr(self.network, "wants_truth", False))

    def forward(self, past: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        out: Tensor = self.autoregression(past, future) + self.learned(past, future, truth)
        return out

    def learned(self, past: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        """Return the part of the network, (n, horizon)."""
        lengths = torch.full((len(past),), past.shape[1], dtype=torch.int64, device=past.device)
        target = () if truth is None else (truth.nan_to_num(nan=0.0),)
        out: Tensor = self.gate * self.network(past, lengths, future, *target)
        return out


class Mixture(nn.Module):
    """What stands beside the learned part: small models, and an autoregression of the logarithms.

    Args:
        n_series: the number of series in the train rows.

    Attributes:
        shares: (n_series + 1, 3) the weights of the learned part, the small models and the autoregression of the
            logarithms in the forecast of each series; the last row is for a series that the train rows did not have.
    """

    shares: Tensor

    def __init__(self, small_models: SmallModels, log_autoregression: Autoregression, *, n_series: int) -> None:
        super().__init__()
        self.small_models = small_models
        self.log_autoregression = log_autoregression
        self.register_buffer("shares", torch.tensor([1.0, 0.0, 0.0]).repeat(n_series + 1, 1))

    def forward(self, learned: Tensor, past: Tensor, scaled: tuple[Tensor, Tensor], series: Tensor) -> Tensor:
        """Return the forecast.

        Args:
            learned: (n, horizon), the forecast of the learned part.
            past: (n, length), the values.
            scaled: past and future as the network sees them.
        """
        members = self.members(learned, past, scaled, series)
        out: Tensor = (members * self.shares[series].unsqueeze(2)).sum(dim=1)
        return out

    def members(self, learned: Tensor, past: Tensor, scaled: tuple[Tensor, Tensor], series: Tensor) -> Tensor:
        """Return the forecast of each member, (n, 3, horizon); that of the learned part if it has no logarithm."""
        has_logarithm = (past > 0).all(dim=1, keepdim=True)
        logarithms = torch.where(has_logarithm, past, 1.0).log()
        last = logarithms[:, -1:]
        log_past = torch.cat([(logarithms - last).unsqueeze(2), scaled[0][:, :, 1:]], dim=2)
        change = self.log_autoregression(log_past, scaled[1]).clamp(-LARGEST_LOGARITHM, LARGEST_LOGARITHM)
        multiplied = torch.where(has_logarithm, (last + change).exp(), learned)
        return torch.stack([learned, self.small_models(past, series), multiplied], dim=1)


class Forecaster(nn.Module):
    """Raw windows in, values in the target's own unit out.

    **Shape**
        - past: (n, length, n_channels) and future (n, horizon, n_future), as `WindowFront`; the values without gaps
        - series: (n,) int64, the number of the series of each window; None if the train rows had only one
        - output: (n, horizon)

    Attributes:
        unit: (n_series + 1,) of each series; 0 if its windows tell it, as for one that the train rows did not have.
        floor: (n_series + 1,) no forecast is lower: 0 for a series without a negative value in the train rows.
        low, high: (horizon,) in units of `spread`, what is added to the forecast for the ends of its interval, which
            holds 80 of 100 true values; high is below low if there is no interval.
    """

    unit: Tensor
    floor: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, features: SeriesFeatures, body: Forecast, mixture: Mixture | None) -> None:
        super().__init__()
        self.features = features
        self.preprocessor = WindowFront(*_channels(features), n_future=features.n_future)
        self.network = body
        self.mixture = mixture
        self.register_buffer("unit", torch.tensor([*(series.scale for series in features.each), 0.0]))
        self.register_buffer("floor", torch.tensor([*_floors(features), -torch.inf]).clamp(min=LOWEST))
        self.register_buffer("low", torch.ones(features.series_schema.horizon))
        self.register_buffer("high", -torch.ones(features.series_schema.horizon))

    def forward(self, past: Tensor, future: Tensor, series: Tensor | None = None) -> Tensor:
        number = torch.zeros(len(past), dtype=torch.int64, device=past.device) if series is None else series
        values, scale = past[:, :, 0], self.scale(past[:, :, 0], number)
        scaled = self.scaled(past, future, scale)
        outputs: Tensor = values[:, -1:] + scale * self.network(*scaled)
        if self.mixture is not None:
            outputs = self.mixture(outputs, values, scaled, number)
        return outputs.maximum(self.floor[number].unsqueeze(1))

    def scaled(self, past: Tensor, future: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Return past and future as the network sees them."""
        standard, ahead = self.preprocessor(past, future)
        values = in_units(past[:, :, :1] - past[:, -1:, :1], scale.unsqueeze(2))
        return torch.cat([values, standard[:, :, 1:]], dim=2), ahead

    def scale(self, values: Tensor, series: Tensor) -> Tensor:
        """Return the unit of each window, (n, 1): that of its series, or the size of its differences; 0 if it has none.

        Args:
            values: (n, length).
        """
        known = self.unit[series].unsqueeze(1)
        return torch.where(known > 0, known, difference_size(values))

    def spread(self, values: Tensor, series: Tensor) -> Tensor:
        """Return the unit of the interval of each window, (n, 1): half-way from that of its series to its own, because
        a series that grows, or is restless now, has larger errors.

        Args:
            values: (n, length).
        """
        return (self.scale(values, series) * difference_size(values)).sqrt()


def difference_size(values: Tensor) -> Tensor:
    """Return the root mean square of the differences from step to step, (n, 1); 0 for one value."""
    return (values[:, 1:] - values[:, :-1]).square().mean(dim=1, keepdim=True).sqrt().nan_to_num(nan=0.0)


def in_units(values: Tensor, scale: Tensor) -> Tensor:
    """Return values in units; as they are if the unit is 0, because then they are 0, too."""
    return values / torch.where(scale > 0, scale, 1.0)


LOWEST = -3.4028234663852886e38  # of float32: no floor, because a file of weights holds no infinity


def _floors(features: SeriesFeatures) -> list[float]:
    has_floor = [series.lowest is not None and series.lowest >= 0 for series in features.each]
    return [-series.offset if has else -torch.inf for series, has in zip(features.each, has_floor, strict=True)]


def _channels(features: SeriesFeatures) -> tuple[list[float], list[float]]:
    """Return mean and scale of each channel of the past: the target, the covariates, the waves of the calendar."""
    n_waves = features.n_channels - 1 - len(features.covariates)
    means = [0.0, *(covariate.mean for covariate in features.covariates), *[0.0] * n_waves]
    scales = [1.0, *(covariate.std or 1.0 for covariate in features.covariates), *[1.0] * n_waves]
    return means, scales


def forecast_intervals(
    model: Forecaster, predictions: np.ndarray, spread: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Return low and high, (2, n, horizon) float64; NaN if the model has no interval.

    Args:
        predictions: (n, horizon), without the offsets.
        spread: (n, 1), the unit of the interval of each window.
        series: (n,) the number of the series of each window.
    """
    low, high = (buffer.cpu().double().numpy() for buffer in (model.low, model.high))
    ends = predictions.astype(np.float64) + spread * np.stack([low, high])[:, None]
    floor = model.floor.cpu().double().numpy()[series][:, None]
    missing = low > high
    bounded: np.ndarray = np.where(missing, np.nan, np.maximum(ends, floor))
    return bounded
