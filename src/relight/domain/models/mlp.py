"""The multilayer perceptron: blocks of linear layer, ReLU and dropout, then a linear output."""

import itertools

from torch import Tensor, nn

from relight.params.model import MlpParams


class Mlp(nn.Module):
    """MLP as in Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.1.

    **Shape**: (n_rows, d_in) in, (n_rows, d_out) out.
    """

    def __init__(self, d_in: int, d_out: int, params: MlpParams) -> None:
        super().__init__()
        widths = [d_in, *[params.d_block] * params.n_blocks]
        self.blocks = nn.Sequential(
            *(_block(d_from, d_to, params.dropout) for d_from, d_to in itertools.pairwise(widths))
        )
        self.output = nn.Linear(widths[-1], d_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output(self.blocks(x))
        return out


def _block(d_in: int, d_out: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(d_in, d_out), nn.ReLU(), nn.Dropout(dropout))
