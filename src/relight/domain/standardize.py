"""Numbers around 0, with deviation 1."""

import torch
from torch import Tensor, nn

from relight.domain.features import NumericFeature


class Standardize(nn.Module):
    """(x - mean) / std of the train rows. **Shape**: (n_rows, n_numbers) in and out."""

    shift: Tensor
    scale: Tensor

    def __init__(self, features: list[NumericFeature]) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([feature.mean for feature in features], dtype=torch.float32))
        self.register_buffer("scale", torch.tensor([feature.std for feature in features], dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale
