"""Losses: the mean over the rows. Each refuses shapes that would broadcast into nonsense."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from relight.domain.compatibility import LossName

Loss = Callable[[Tensor, Tensor], Tensor]


def l1(predictions: Tensor, targets: Tensor) -> Tensor:
    """mean |prediction - target|; both (n_rows, 1)."""
    _same_shape(predictions, targets)
    return functional.l1_loss(predictions, targets)


def mse(predictions: Tensor, targets: Tensor) -> Tensor:
    """mean (prediction - target)^2; both (n_rows, 1)."""
    _same_shape(predictions, targets)
    return functional.mse_loss(predictions, targets)


def bce(logits: Tensor, targets: Tensor) -> Tensor:
    """mean -[t log p + (1 - t) log(1 - p)], p = sigmoid(logit); both (n_rows, 1)."""
    _same_shape(logits, targets)
    return functional.binary_cross_entropy_with_logits(logits, targets)


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """mean -log softmax(logits)[target]; (n_rows, n_classes) float and (n_rows,) int64."""
    if logits.dim() != 2 or targets.shape != logits.shape[:1] or targets.dtype != torch.int64:
        raise ValueError(f"shapes must be (n, c) and (n,), however: {logits.shape=}, {targets.shape=}")
    return functional.cross_entropy(logits, targets)


def _same_shape(predictions: Tensor, targets: Tensor) -> None:
    # (n, 1) against (n,) broadcasts to (n, n), only warns, and trains on noise.
    if predictions.shape != targets.shape:
        raise ValueError(f"shapes must be equal, however: {predictions.shape=}, {targets.shape=}")


LOSSES: dict[LossName, Loss] = {"l1": l1, "mse": mse, "bce": bce, "cross_entropy": cross_entropy}
