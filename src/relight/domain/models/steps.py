"""Steps of sequences, numbers and categories side by side, for a network that reads steps in time."""

import torch
from torch import Tensor, nn

from relight.domain.models.categories import Categories


class Steps(nn.Module):
    """
    **Shape**
        - numbers: (n, length, d_numbers) float32, codes: (n, length, n_categorical) int64
        - lengths: (n,) int64 of the real steps; padding reaches the network as zeros, whatever the front made of it
        - output: (n, d_out)
    """

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, numbers: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
        n, length, _ = numbers.shape
        spread = [each.unflatten(0, (n, length)) for each in self.categories(codes.flatten(0, 1))]
        padding = torch.arange(length, device=lengths.device) >= lengths.unsqueeze(1)
        steps = torch.cat([numbers, *spread], dim=2).masked_fill(padding.unsqueeze(2), 0)
        out: Tensor = self.network(steps, lengths, steps.new_zeros(n, 0, 0))
        return out
