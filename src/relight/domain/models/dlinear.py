"""DLinear: a linear layer for the trend, one for the rest.

Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4.2.
"""

from torch import Tensor, nn
from torch.nn import functional

from relight.domain.models.masking import held
from relight.params.sequence_models import DLinearParams


class DLinear(nn.Module):
    """Reads the target's own past and, by the same weights at every step, the covariates known ahead.

    **Shape**
        - past: (n, any, d_past) float32 with the target in channel 0; what is missing to `length` steps is
          the last real one again
        - lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, horizon)
    """

    def __init__(self, d_future_total: int, horizon: int, params: DLinearParams, *, length: int) -> None:
        super().__init__()
        self.length = length
        self.kernel = params.kernel
        self.trend = nn.Linear(length, horizon)
        self.remainder = nn.Linear(length, horizon)
        self.covariates = nn.Linear(d_future_total // horizon, 1, bias=False) if d_future_total else None
        self.d_widest = max(length + params.kernel, horizon, d_future_total)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        series = held(past[:, :, :1], lengths, self.length).squeeze(2)  # (n, length)
        trend = moving_average(series, self.kernel)
        out: Tensor = self.trend(trend) + self.remainder(series - trend)
        return out if self.covariates is None else out + self.covariates(future).squeeze(2)


def moving_average(series: Tensor, kernel: int) -> Tensor:
    """The mean of the `kernel` values around each, where the ends go on as they are: (n, length) → the same."""
    before = (kernel - 1) // 2
    padded = functional.pad(series.unsqueeze(1), (before, kernel - 1 - before), mode="replicate")
    return functional.avg_pool1d(padded, kernel, stride=1).squeeze(1)
