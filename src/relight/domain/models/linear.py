"""A straight line, twice: from bare parameters, and from a layer."""

import torch
from torch import Tensor, nn


class LinearParameters(nn.Module):
    """weights * x + bias, from two bare parameters. **Shape**: (n_rows, 1) in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(1))
        self.bias = nn.Parameter(torch.randn(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.weights * x + self.bias


class Linear(nn.Module):
    """One linear layer. **Shape**: (n_rows, d_in) in, (n_rows, d_out) out."""

    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.linear_layer = nn.Linear(d_in, d_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear_layer(x)
        return out
