"""A forecast: the last value, plus the change that a linear autoregression predicts, plus that of a network."""

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import SeriesFeatures
from relight.model.networks.autoregression import Autoregression

UNKNOWN = -1.0  # a half-width before it is fitted, because a file of weights holds no NaN
NOMINAL_COVERAGE = 0.8  # the share of the truth that an interval should hold


class WindowFront(nn.Module):
    """Numbers in units of the train rows; a gap of a covariate becomes their mean.

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


class WindowBack(nn.Module):
    """Return values in the target's own unit instead of the network's. **Shape**: any in and out."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs * self.scale + self.mean

    def transform(self, target: Tensor) -> Tensor:
        return (target - self.mean) / self.scale


class Forecast(nn.Module):
    """The part that learns. The network sees differences to the last value, so that it never meets a new level
    (as in Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", NLinear), and its part of
    the output grows from 0 (Bachlechner et al. 2021, "ReZero").

    **Shape**
        - past: (n, length, n_channels) and future: (n, horizon, n_future), scaled
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
        out: Tensor = past[:, -1:, 0] + self.autoregression(past, future) + self.learned(past, future, truth)
        return out

    def learned(self, past: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        """Return the part of the network, (n, horizon)."""
        last = past[:, -1:, 0]
        level = torch.cat([past[:, :, :1] - last.unsqueeze(2), past[:, :, 1:]], dim=2)
        lengths = torch.full((len(past),), past.shape[1], dtype=torch.int64, device=past.device)
        target = () if truth is None else ((truth - last).nan_to_num(nan=0.0),)
        out: Tensor = self.gate * self.network(level, lengths, future, *target)
        return out


class Forecaster(nn.Module):
    """Raw windows in, values in the target's own unit out. **Shape**: as `WindowFront` in, (n, horizon) out.

    Attributes:
        half_width: (horizon,) in the target's own unit: the truth lies at most so far from the forecast in 80 of 100
            cases; it is fitted after the training, and `UNKNOWN` without validation windows.
    """

    half_width: Tensor

    def __init__(self, features: SeriesFeatures, body: Forecast) -> None:
        super().__init__()
        self.features = features
        self.preprocessor = WindowFront(*_channels(features), n_future=features.n_future)
        self.network = body
        self.target_transform = WindowBack(features.mean, features.scale)
        self.register_buffer("half_width", torch.full((features.series_schema.horizon,), UNKNOWN))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        outputs: Tensor = self.target_transform(self.network(*self.preprocessor(past, future)))
        return outputs


def _channels(features: SeriesFeatures) -> tuple[list[float], list[float]]:
    """Return mean and scale of each channel of the past: the target, the covariates, the waves of the calendar."""
    n_waves = features.n_channels - 1 - len(features.covariates)
    means = [features.mean, *(covariate.mean for covariate in features.covariates), *[0.0] * n_waves]
    scales = [features.scale, *(covariate.std or 1.0 for covariate in features.covariates), *[1.0] * n_waves]
    return means, scales


def model_half_widths(model: Forecaster) -> np.ndarray:
    """(horizon,) in the target's own unit, float64; NaN where the model has none."""
    widths = model.half_width.cpu().double().numpy()
    return np.where(widths == UNKNOWN, np.nan, widths)
