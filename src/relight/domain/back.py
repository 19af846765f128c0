"""What stands behind a network for regression: from its scale to that of the target, and the way there."""

import torch
from torch import Tensor, nn

from relight.domain.features import Features
from relight.domain.target_choice import TargetScale

LARGEST_LOG = 80.0  # float32 ends at exp(88.7), and members are summed
SMALLEST = 1e-37


class Back(nn.Module):
    """The train rows' mean and deviation of the target (or of its logarithm), as buffers.

    The network learns numbers around 0 and 1 whatever the target's unit is: losses are on that scale,
    answers in the target's own unit.

    **Shape**: any in and out.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: Features, target_scale: TargetScale) -> None:
        super().__init__()
        self.is_log = target_scale == "log"
        known = features.target_statistics
        assert known is not None
        mean, std = (known.log_mean, known.log_std) if self.is_log else (known.mean, known.std)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(std or 1.0, dtype=torch.float32))

    def forward(self, outputs: Tensor) -> Tensor:
        numbers = outputs * self.scale + self.mean
        return numbers.clamp(max=LARGEST_LOG).exp() if self.is_log else numbers

    def to_network(self, target: Tensor) -> Tensor:
        """The target on the network's scale."""
        # Validation rows may lie at 0 or below, where train rows never do.
        numbers = target.clamp(min=SMALLEST).log() if self.is_log else target
        return (numbers - self.mean) / self.scale
