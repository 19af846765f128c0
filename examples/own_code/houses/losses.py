"""Losses that params.yaml names."""

import torch
from torch import Tensor


def pinball(outputs: Tensor, targets: Tensor, sample_weight: Tensor, *, quantile: float = 0.5) -> Tensor:
    """Return the mean pinball loss: smallest if a share `quantile` of the targets lies below the outputs."""
    error = targets - outputs  # (n_rows, 1)
    loss = torch.maximum(quantile * error, (quantile - 1) * error).mean(dim=1)  # (n_rows,)
    return (loss * sample_weight).sum() / sample_weight.sum()
