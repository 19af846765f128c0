"""Padding that does not matter: means, ends and batch statistics over the valid steps of each sequence."""

import torch
from torch import Tensor, nn


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe and Szegedy 2015) with mean and variance of the valid steps.

    Plain `BatchNorm1d` would count the zeros of the padding, and a sequence's outputs in training would depend on
    the length of the longest sequence in the batch. Without padding it is `BatchNorm1d`.

    **Shape**
        - x: (n, d, length)
        - mask: (n, 1, length), 1.0 for a valid step and 0.0 for padding
        - output: (n, d, length), with any values at padding
    """

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        if not self.training:
            return super().forward(x)
        count = mask.sum()
        mean = (x * mask).sum(dim=(0, 2)) / count
        centred = (x - mean[:, None]) * mask
        variance = centred.square().sum(dim=(0, 2)) / count
        self._update_running_statistics(mean, variance * count / (count - 1).clamp(min=1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None]

    @torch.no_grad()
    def _update_running_statistics(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


def step_mask(lengths: Tensor, length: int) -> Tensor:
    """Return which steps are valid, not padding: (n,) → (n, length) bool."""
    return torch.arange(length, device=lengths.device) < lengths.unsqueeze(1)


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the valid steps: (n, length, d) and (n, length) → (n, d)."""
    valid = x * mask.unsqueeze(2)
    return valid.sum(dim=1) / mask.sum(dim=1, keepdim=True)


def masked_max(x: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum over the valid steps: (n, length, d) and (n, length) → (n, d)."""
    return x.masked_fill(~mask.unsqueeze(2), -torch.inf).amax(dim=1)


def last_valid_step(x: Tensor, lengths: Tensor) -> Tensor:
    """Return the last valid step: (n, length, d) → (n, d)."""
    return _gather_steps(x, (lengths - 1).unsqueeze(1)).squeeze(1)


def pad_with_last(x: Tensor, lengths: Tensor, length: int) -> Tensor:
    """Repeat the last valid step to the end of `length` steps: (n, any, d) → (n, length, d)."""
    steps = torch.arange(length, device=x.device)
    return _gather_steps(x, torch.minimum(steps, (lengths - 1).unsqueeze(1)))


def reverse_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the valid steps, with padding after them: (n, length, d) → the same. Its own inverse on valid steps."""
    steps = (lengths - 1).unsqueeze(1) - torch.arange(x.shape[1], device=x.device)
    return _gather_steps(x, steps.clamp(min=0))


def _gather_steps(x: Tensor, indices: Tensor) -> Tensor:
    """(n, any, d) and (1 or n, length) → (n, length, d)."""
    return x.gather(1, indices.unsqueeze(2).expand(-1, -1, x.shape[2]))
