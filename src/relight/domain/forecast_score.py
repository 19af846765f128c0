"""Losses and scores of forecasts: over the steps that have a value, and over no others."""

import math

import torch
from torch import Tensor

from relight.domain.compatibility import LossName
from relight.domain.losses import Loss
from relight.domain.models.forecaster import WindowBack
from relight.domain.rows import Rows
from relight.domain.validation_score import Score


def where_observed(loss: Loss) -> Loss:
    """The mean over the targets that are no NaN; (n, horizon) each.

    A gap is said to have been foretold: it adds 0, and nothing is learned from it.
    """

    def observed(outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        there = targets.isfinite()
        told = torch.where(there, targets, outputs.detach())
        share = there.float().mean().clamp(min=torch.finfo(torch.float32).tiny)
        return loss(outputs, told, weights) / share

    return observed


def observed_steps(rows: Rows) -> Tensor:
    """So many targets a loss of `where_observed` is the mean of, ()."""
    return rows.target.isfinite().sum()


def forecast_score(loss: LossName, back: WindowBack, target: Tensor) -> Score:
    """Outputs on the network's scale → RMSE (mse) or MAE in the target's own unit, over all steps of the horizon.

    Args:
        target: (n_windows, horizon) in its own unit, NaN where there is none, on the CPU.
    """
    true = target.double()

    def score(outputs: Tensor) -> float:
        errors = back(outputs).double().cpu() - true
        if loss == "mse":
            return math.sqrt(errors.square().nanmean().item())
        return float(errors.abs().nanmean())

    return score
