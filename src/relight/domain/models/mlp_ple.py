"""The multilayer perceptron behind piecewise-linear embeddings of its numbers."""

import torch
from torch import Tensor, nn

from relight.domain.models.categories import Categories
from relight.domain.models.mlp import Mlp
from relight.domain.models.numeric_embeddings import NumericEmbeddings
from relight.params.model import MlpParams, MlpPleParams


class MlpPle(nn.Module):
    """MLP-PLE as in Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning".

    **Shape**: as `Front` gives them in, (n_rows, d_out) out.
    """

    def __init__(self, numbers: NumericEmbeddings, categories: Categories, d_out: int, params: MlpPleParams) -> None:
        super().__init__()
        self.numbers = numbers
        self.categories = categories
        shape = MlpParams(n_blocks=params.n_blocks, d_block=params.d_block, dropout=params.dropout)
        self.network = Mlp(sum([*numbers.widths, *categories.widths]), d_out, shape)
        self.d_widest = max(self.network.d_widest, params.n_bins * len(numbers.widths))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([*self.numbers(numbers), *self.categories(codes)], dim=1))
        return out
