"""Losses: the mean over the rows. Each refuses shapes that would broadcast into nonsense.

Outputs with members, (n_rows, n_members, d_out), have the mean of the members' losses, never the loss of
their mean: each member learns on its own (Gorishniy et al. 2025, "TabM", section 3). If rows have weights, the
mean divides by the sum of the weights.
"""

from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from relight.train.auto import LossName
from relight.train.losses.ranking import listwise, margin_ranking


class Loss(Protocol):
    def __call__(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None, /) -> Tensor: ...


def l1(predictions: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean |prediction - target|; both (n_rows, 1)."""
    return weighted_mean((predictions - _repeat_for_members(predictions, targets)).abs(), weights)


def mse(predictions: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean (prediction - target)^2; both (n_rows, 1)."""
    return weighted_mean(
        functional.mse_loss(predictions, _repeat_for_members(predictions, targets), reduction="none"), weights
    )


def huber(predictions: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean of d^2 / 2 if d = |prediction - target| is at most 1, else d - 1/2 (Huber 1964); both (n_rows, 1).

    On the network's scale: with a standardized target, 1 is its standard deviation.
    """
    return weighted_mean(
        functional.huber_loss(predictions, _repeat_for_members(predictions, targets), reduction="none"), weights
    )


def quantile(predictions: Tensor, targets: Tensor, weights: Tensor | None = None, *, share: float) -> Tensor:
    """mean of share * d if d = target - prediction is above 0, else (share - 1) * d; both (n_rows, 1).

    Its minimum is the quantile: `share` of the targets lie below it (Koenker and Bassett 1978, "Regression quantiles").
    """
    below = _repeat_for_members(predictions, targets) - predictions
    return weighted_mean(torch.maximum(share * below, (share - 1) * below), weights)


def poisson(log_rates: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean exp(log_rate) - target * log_rate; both (n_rows, 1), the targets at least 0.

    The log likelihood of counts without what depends only on them (torch.nn.functional.poisson_nll_loss).
    """
    targets = _repeat_for_members(log_rates, targets)
    return weighted_mean(functional.poisson_nll_loss(log_rates, targets, log_input=True, reduction="none"), weights)


def bce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean -[t log p + (1 - t) log(1 - p)], p = sigmoid(logit); both (n_rows, 1)."""
    targets = _repeat_for_members(logits, targets)
    return weighted_mean(functional.binary_cross_entropy_with_logits(logits, targets, reduction="none"), weights)


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean -log softmax(logits)[target]; (n_rows, n_classes) float and (n_rows,) int64."""
    flat, codes = _flatten_members(logits, targets)
    return weighted_mean(functional.cross_entropy(flat, codes, reduction="none").reshape(logits.shape[:-1]), weights)


def nll(log_probabilities: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean -log_probability[target]; (n_rows, n_classes) float, as of log-softmax, and (n_rows,) int64."""
    flat, codes = _flatten_members(log_probabilities, targets)
    losses = functional.nll_loss(flat, codes, reduction="none")
    return weighted_mean(losses.reshape(log_probabilities.shape[:-1]), weights)


def focal(logits: Tensor, targets: Tensor, weights: Tensor | None = None, *, gamma: float) -> Tensor:
    """mean -(1 - p)^gamma log p, p the probability of the true class; shapes of `bce` or `cross_entropy`.

    Lin et al. 2017, "Focal loss for dense object detection", section 3; class weights are its alpha.
    """
    log_p, log_others = _log_binary(logits, targets) if targets.dim() == 2 else _log_classes(logits, targets)
    return weighted_mean(-(gamma * log_others).exp() * log_p, weights)


def _log_binary(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return log p and log(1 - p), both exact where p rounds to 0 or 1."""
    margins = logits * (2 * _repeat_for_members(logits, targets) - 1)
    return functional.logsigmoid(margins), functional.logsigmoid(-margins)


def _log_classes(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    flat, codes = _flatten_members(logits, targets)
    logs, places = functional.log_softmax(flat, dim=-1), codes.unsqueeze(1)
    log_others = logs.scatter(1, places, -torch.inf).logsumexp(dim=1)
    return logs.gather(1, places).reshape(logits.shape[:-1]), log_others.reshape(logits.shape[:-1])


def kl_div(log_probabilities: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean of sum t (log t - log_probability) over the classes; both (n_rows, n_classes), log-softmax first."""
    targets = _repeat_for_members(log_probabilities, targets)
    return weighted_mean(functional.kl_div(log_probabilities, targets, reduction="none").sum(dim=-1), weights)


def hinge_embedding(distances: Tensor, alike: Tensor, weights: Tensor | None = None, *, margin: float) -> Tensor:
    """mean of the distance if a pair is alike (1), else of max(0, margin - distance) (0); both (n_rows, 1).

    torch.nn.HingeEmbeddingLoss, whose 1 and -1 are 1 and 0 here (Hadsell, Chopra and LeCun 2006, "Dimensionality
    reduction by learning an invariant mapping", with distances in place of their squares).
    """
    signs = 2 * _repeat_for_members(distances, alike) - 1
    return weighted_mean(functional.hinge_embedding_loss(distances, signs, margin=margin, reduction="none"), weights)


PLAIN_LOSSES: dict[LossName, Loss] = {
    "l1": l1, "mse": mse, "huber": huber, "poisson": poisson, "listwise": listwise, "margin_ranking": margin_ranking,
}  # fmt: skip


def build_loss(
    name: LossName,
    label_smoothing: float = 0.0,
    *,
    margin: float = 1.0,
    share: float = 0.5,
    gamma: float = 2.0,
) -> Loss:
    """Return the loss of raw outputs.

    Args:
        label_smoothing: the share of each label that is spread over all classes (Szegedy et al. 2016, section 7).
        margin: the distance beyond which unlike pairs cost nothing.
        share: the quantile.
        gamma: of the focal loss; 2 is the paper's.
    """
    match name:
        case "l1" | "mse" | "huber" | "poisson" | "listwise" | "margin_ranking":
            return PLAIN_LOSSES[name]
        case "bce":
            return _smoothed_bce(label_smoothing)
        case "cross_entropy" if not label_smoothing:
            return cross_entropy
        case "cross_entropy" | "nll":
            return _for_logits(_smoothed_nll(label_smoothing))
        case "kl_div":
            return _for_logits(kl_div)
        case "quantile" | "focal" | "hinge_embedding":
            return {
                "quantile": partial(quantile, share=share),
                "focal": partial(focal, gamma=gamma),
                "hinge_embedding": partial(hinge_embedding, margin=margin),
            }[name]


def _for_logits(loss: Loss) -> Loss:
    def with_logits(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        return loss(functional.log_softmax(logits, dim=-1), targets, weights)

    return with_logits


def _smoothed_bce(smoothing: float) -> Loss:
    """0 and 1 become smoothing / 2 and 1 - smoothing / 2: the multiclass formula for two classes."""
    if not smoothing:
        return bce

    def smoothed(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        return bce(logits, targets * (1 - smoothing) + smoothing / 2, weights)

    return smoothed


def _smoothed_nll(smoothing: float) -> Loss:
    """Return (1 - smoothing) of the loss of the true class, plus smoothing of the mean loss of all classes."""
    if not smoothing:
        return nll

    def smoothed(logs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        return (1 - smoothing) * nll(logs, targets, weights) + smoothing * weighted_mean(-logs.mean(dim=-1), weights)

    return smoothed


def weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean of (n_rows, ...), weighted by rows."""
    if weights is None:
        return losses.mean()
    row_losses = losses.reshape(len(losses), -1).mean(dim=1)
    if weights.shape != row_losses.shape:
        raise ValueError(f"weights must be (n_rows,), got {weights.shape=}, {len(losses)=}")
    return (weights * row_losses).sum() / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)


def _repeat_for_members(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the targets in the shape of the outputs: the same for each member."""
    # (n, 1) against (n,) broadcasts to (n, n), only warns, and trains on noise.
    shape = outputs.shape[:1] + outputs.shape[2:] if outputs.dim() == 3 else outputs.shape
    if targets.dim() != 2 or targets.shape != shape:
        raise ValueError(f"shapes must be equal, got {outputs.shape=}, {targets.shape=}")
    return targets.unsqueeze(1).expand(outputs.shape) if outputs.dim() == 3 else targets


def _flatten_members(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits and class codes of each member as rows of their own."""
    if logits.dim() not in (2, 3) or targets.shape != logits.shape[:1] or targets.dtype != torch.int64:
        raise ValueError(f"shapes must be (n, c) and (n,), got {logits.shape=}, {targets.shape=}")
    if logits.dim() == 2:
        return logits, targets
    return logits.flatten(0, 1), targets.repeat_interleave(logits.shape[1])
