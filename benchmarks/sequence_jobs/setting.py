"""The model, series and settings of all contenders."""

import torch
from torch import Tensor, nn

LENGTH, HORIZON, BATCH = 336, 24, 1024
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2


def series(n_steps: int) -> Tensor:
    """Return a cycle of 24 steps and some noise, (n_steps,) float32."""
    generator = torch.Generator().manual_seed(0)
    return torch.sin(torch.arange(n_steps) * (2 * torch.pi / 24)) + 0.1 * torch.randn(n_steps, generator=generator)


class NLinear(nn.Module):
    """The last value plus a linear layer of the differences from it: so cheap that the feeding is measured.

    Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4.2.

    Shape: (batch, LENGTH) → (batch, HORIZON)
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(LENGTH, HORIZON)

    def forward(self, past: Tensor) -> Tensor:
        last = past[:, -1:]
        out: Tensor = last + self.linear(past - last)
        return out
