"""How far from a forecast the truth may lie: conformal half-widths, for each step ahead."""

import numpy as np
import torch
from torch import Tensor

from relight.domain.models.forecaster import UNKNOWN, Forecaster
from relight.domain.predicting import predict
from relight.domain.windows import Windows

COVERED = 0.8  # the share of the truth that an interval should hold


def settle_half_widths(model: Forecaster, validation: Windows) -> None:
    """By the validation windows, before anything is fitted on them: what has seen them errs too little there."""
    found = half_widths(validation.target.cpu().numpy(), predict(model, validation.inputs).cpu().numpy())
    model.half_width.copy_(_stored(found))


def half_widths_of(model: Forecaster) -> np.ndarray:
    """(horizon,) in the target's own unit, float64; NaN where the model has none."""
    found = model.half_width.cpu().double().numpy()
    return np.where(found == UNKNOWN, np.nan, found)


def half_widths(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(horizon,): so far from the forecast the truth lay at most in `COVERED` of these windows, for each step ahead.

    Split conformal prediction (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", section 2.2):
    the ceil((n + 1) COVERED)-th smallest error, where there are so many, else the largest; NaN where there is none.

    Args:
        target, predicted: (n_windows, horizon), NaN where there is none.
    """
    found = []
    for errors in np.abs(target.astype(np.float64) - predicted).T:
        there = np.sort(errors[np.isfinite(errors)])
        rank = min(len(there), int(np.ceil((len(there) + 1) * COVERED)))
        found.append(there[rank - 1] if rank else np.nan)
    return np.array(found)


def _stored(found: np.ndarray) -> Tensor:
    return torch.from_numpy(np.where(np.isfinite(found), found, UNKNOWN))
