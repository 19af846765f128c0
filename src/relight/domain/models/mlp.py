"""The multilayer perceptron: blocks of linear layer, activation and dropout, then a linear output."""

import itertools

from torch import Tensor, nn

from relight.domain.models.activations import activation
from relight.params.model import MlpParams


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
