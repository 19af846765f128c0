"""What stands behind a network for regression: from its scale to that of the target."""

import torch
from torch import Tensor, nn

from relight.domain.features import Features


class Back(nn.Module):
    """The train rows' mean and deviation of the target, as buffers.

    The network learns numbers around 0 and 1 whatever the target's unit is; losses and answers are
    in the target's own unit.

    **Shape**: (n_rows, 1) in and out.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: Features) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(features.target_mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(features.target_std or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs * self.scale + self.mean
