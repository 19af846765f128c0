"""Batch normalisation that does not count padding."""

import torch
from torch import Tensor, nn


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe and Szegedy 2015) with mean and variance of the real steps.

    Plain `BatchNorm1d` would count the zeros of the padding, and a sequence's answers in training would depend on
    how long the longest other one is. Without padding it is `BatchNorm1d`.

    **Shape**: x (n, d, length), real (n, 1, length) 1.0 or 0.0; out (n, d, length), anything at padding.
    """

    def forward(self, x: Tensor, real: Tensor) -> Tensor:  # type: ignore[override]
        if not self.training:
            return super().forward(x)
        count = real.sum()
        mean = (x * real).sum(dim=(0, 2)) / count
        centred = (x - mean[:, None]) * real
        variance = centred.square().sum(dim=(0, 2)) / count
        self._remember(mean, variance * count / (count - 1).clamp(min=1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None]

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)
