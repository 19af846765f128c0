"""Numbers and categories side by side, for a network that reads one flat row."""

import torch
from torch import Tensor, nn

from relight.domain.models.categories import Categories


class Flat(nn.Module):
    """**Shape**: as `Front` gives them in, (n_rows, d_out) out."""

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([numbers, *self.categories(codes)], dim=1))
        return out
