"""Sequences of unequal lengths in one tensor: which steps are real, and what is said of those alone.

A sequence has at least one real step. Its real steps come first, what follows is padding.
"""

import torch
from torch import Tensor


def real_steps(lengths: Tensor, length: int) -> Tensor:
    """Which steps are not padding: (n,) → (n, length) bool."""
    return torch.arange(length, device=lengths.device) < lengths.unsqueeze(1)


def masked_mean(x: Tensor, real: Tensor) -> Tensor:
    """The mean over the real steps: (n, length, d) and (n, length) → (n, d)."""
    kept = x * real.unsqueeze(2)
    return kept.sum(dim=1) / real.sum(dim=1, keepdim=True)


def masked_max(x: Tensor, real: Tensor) -> Tensor:
    """The greatest over the real steps: (n, length, d) and (n, length) → (n, d)."""
    return x.masked_fill(~real.unsqueeze(2), -torch.inf).amax(dim=1)


def last_real(x: Tensor, lengths: Tensor) -> Tensor:
    """The last real step: (n, length, d) → (n, d)."""
    return _steps(x, (lengths - 1).unsqueeze(1)).squeeze(1)


def held(x: Tensor, lengths: Tensor, length: int) -> Tensor:
    """The last real step goes on to the end of `length` steps: (n, any, d) → (n, length, d)."""
    places = torch.arange(length, device=x.device)
    return _steps(x, torch.minimum(places, (lengths - 1).unsqueeze(1)))


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """The real steps from last to first, padding after them: (n, length, d) → the same. Its own inverse there."""
    places = (lengths - 1).unsqueeze(1) - torch.arange(x.shape[1], device=x.device)
    return _steps(x, places.clamp(min=0))


def _steps(x: Tensor, places: Tensor) -> Tensor:
    return x.gather(1, places.unsqueeze(2).expand(-1, -1, x.shape[2]))
