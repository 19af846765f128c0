"""Linear models, MLP, activations.

Activations by name.

A straight line, twice: from bare parameters, and from a layer.

The multilayer perceptron: blocks of linear layer, activation and dropout, then a linear output.
"""

import itertools

import torch
from torch import Tensor, nn

from relight.model.params import Activation, MlpParams


def activation(name: Activation) -> nn.Module:  # noqa: C901 - a list, not a knot
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

    With batch normalisation between the layer and its activation (Ioffe and Szegedy 2015) where it is asked for.

    **Shape**: (n_rows, d_in) in, (n_rows, d_out) out.
    """

    def __init__(self, d_in: int, d_out: int, params: MlpParams) -> None:
        super().__init__()
        widths = [d_in, *[params.d_block] * params.n_blocks]
        self.d_widest = max(widths)
        self.blocks = nn.Sequential(*(_block(d_from, d_to, params) for d_from, d_to in itertools.pairwise(widths)))
        self.output = nn.Linear(widths[-1], d_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.blocks(x))
        return out


def _block(d_in: int, d_out: int, params: MlpParams) -> nn.Sequential:
    normalisation = [nn.BatchNorm1d(d_out)] if params.batch_norm else []
    return nn.Sequential(
        nn.Linear(d_in, d_out), *normalisation, activation(params.activation), nn.Dropout(params.dropout)
    )
