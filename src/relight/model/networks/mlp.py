"""Linear models, MLP, activations.

Activations by name.

Linear models: a line from two bare parameters, and one linear layer.

The multilayer perceptron: blocks of linear layer, activation and dropout, then a linear output.
"""

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus"]


def activation_module(name: Activation) -> nn.Module:  # noqa: C901 - a list, not a knot
    """Return a new activation. **Shape** of its forward: any in and out."""
    match name:
        case "relu":
            return nn.ReLU()
        case "leaky_relu":
            return nn.LeakyReLU()
        case "elu":
            return nn.ELU()
        case "selu":
            return nn.SELU()
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
        case "softplus":
            return nn.Softplus()


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


class Mlp(nn.Module):
    """MLP as in Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.1.

    **Shape**: (n_rows, d_in) in, (n_rows, d_out) out.

    Args:
        d_block: the width of each block.
        dropout: the share of a block's outputs that is set to 0 while training.
        batch_norm: batch normalisation (Ioffe and Szegedy 2015) between each linear layer and its activation.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        n_blocks: int,
        d_block: int,
        dropout: float,
        activation: Activation = "relu",
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = [d_in, *[d_block] * n_blocks]
        self.d_widest = max(widths)
        self.blocks = nn.Sequential(
            *(_block(d_from, d_to, dropout, activation, batch_norm) for d_from, d_to in itertools.pairwise(widths))
        )
        self.output = nn.Linear(widths[-1], d_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.blocks(x))
        return out


def _block(d_in: int, d_out: int, dropout: float, activation: Activation, batch_norm: bool) -> nn.Sequential:
    normalisation = [nn.BatchNorm1d(d_out)] if batch_norm else []
    return nn.Sequential(nn.Linear(d_in, d_out), *normalisation, activation_module(activation), nn.Dropout(dropout))
