"""Temperature, Platt slope, conformal widths.

One number that makes probabilities as sure as they are right.

Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2: logits are divided by one
temperature, which is fitted on the validation rows. No answer changes its place, only its certainty.

A trained model learns how sure it may be: on the validation rows, after its training.

How far from a forecast the truth may lie: conformal half-widths, for each step ahead.

The scale of a trained tower's distances.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features
from relight.data.schema import Task
from relight.metrics.roc import check_sample_weight
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import NOMINAL_COVERAGE, UNKNOWN, Forecaster
from relight.model.pipeline import TabularModel, Temperature
from relight.model.sequences import Windows
from relight.model.similarity import DistanceCalibration, _sigmoid, accuracy_threshold
from relight.train.datasets import TrainingData
from relight.train.validation_score import log_loss

MIN_TEMPERATURE, MAX_TEMPERATURE = 1 / 20, 20.0
N_GRID_POINTS = 61
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2  # the golden section
PRIOR_STD = 0.25  # the deviation of the logarithm that is expected before any row is seen
N_SECTION_STEPS = 40  # of it: the last one moves the temperature by less than 1e-8 of itself
N_BISECTIONS = 60  # of the range in which the slope is sought


def best_temperature(log_loss_at: Callable[[float], float], n_rows: int) -> float:
    """The most probable temperature between 1/20 and 20: the best of a grid, then the golden section about it.

    The grid first, for the loss of averaged probabilities may have more than one valley.

    NOTE[DIFF] the paper takes the temperature of the smallest loss alone. Of a hundred rows without a mistake that
    is the coldest one, and the first mistaken test row pays for it: here a normal prior on its logarithm holds it
    near 1 until there are rows enough.

    Args:
        log_loss_at: the mean over the validation rows, at a temperature.
        n_rows: how many of them there are.
    """

    def surprise(log: float) -> float:
        return log_loss_at(math.exp(log)) + (log / PRIOR_STD) ** 2 / (2 * n_rows)

    start, width = math.log(MIN_TEMPERATURE), math.log(MAX_TEMPERATURE / MIN_TEMPERATURE) / (N_GRID_POINTS - 1)
    grid = [start + index * width for index in range(N_GRID_POINTS)]
    best = min(grid, key=surprise)
    low, high = best - width, best + width
    for _ in range(N_SECTION_STEPS):
        left, right = high - GOLDEN_RATIO * (high - low), low + GOLDEN_RATIO * (high - low)
        if surprise(left) <= surprise(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def fit_temperature(model: nn.Module, task: Task, parts: TrainingData) -> None:
    """Put the temperature that suits the validation rows best behind the model."""
    assert isinstance(model, TabularModel)
    assert isinstance(model.target_transform, Temperature)
    logits = predict_outputs(model, parts.validation.rows.inputs)  # at temperature 1
    target = parts.validation.rows.target
    model.target_transform.temperature.fill_(
        best_temperature(lambda t: log_loss(task, logits.double() / t, target, parts.sample_weight), len(target))
    )


def fit_conformal_widths(model: Forecaster, validation: Windows) -> None:
    """By the validation windows, before anything is fitted on them: what has seen them errs too little there."""
    widths = conformal_half_widths(
        validation.target.cpu().numpy(), predict_outputs(model, validation.inputs).cpu().numpy()
    )
    model.half_width.copy_(_stored(widths))


def conformal_half_widths(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """(horizon,): so far from the forecast the truth lay at most in `COVERED` of these windows, for each step ahead.

    Split conformal prediction (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", section 2.2):
    the ceil((n + 1) COVERED)-th smallest error, where there are so many, else the largest; NaN where there is none.

    Args:
        target, predicted: (n_windows, horizon), NaN where there is none.
    """
    widths = []
    for errors in np.abs(y_true.astype(np.float64) - y_pred).T:
        there = np.sort(errors[np.isfinite(errors)])
        rank = min(len(there), int(np.ceil((len(there) + 1) * NOMINAL_COVERAGE)))
        widths.append(there[rank - 1] if rank else np.nan)
    return np.array(widths)


def _stored(widths: np.ndarray) -> Tensor:
    return torch.from_numpy(np.where(np.isfinite(widths), widths, UNKNOWN))


def fit_distance_calibration(
    distance: np.ndarray, alike: np.ndarray, weight: np.ndarray | None = None
) -> DistanceCalibration:
    """The threshold with the highest accuracy on these pairs, and the slope with the lowest log loss.

    Args:
        distance: (n_rows,).
        alike: (n_rows,) 0 or 1.
    """
    distances, is_alike = distance.reshape(-1).astype(np.float64), alike.reshape(-1) == 1
    weights = check_sample_weight(len(distances), weight)
    threshold = accuracy_threshold(distances, is_alike, weights)
    return DistanceCalibration(threshold=threshold, slope=_best_slope(threshold - distances, is_alike, weights))


def _best_slope(score: np.ndarray, is_alike: np.ndarray, weights: np.ndarray) -> float:
    """By bisection of its logarithm. The labels are drawn in a little, so that pairs without a mistake have a slope,
    too (Platt 1999, "Probabilistic outputs for support vector machines", section 2.2)."""
    n_alike, n_other = weights[is_alike].sum(), weights[~is_alike].sum()
    wanted = np.where(is_alike, (n_alike + 1) / (n_alike + 2), 1 / (n_other + 2))
    unit = float(np.abs(score).max()) or 1.0
    low, high = np.log(1e-3 / unit), np.log(1e4 / unit)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        falls = (weights * score * (wanted - _sigmoid(np.exp(middle) * score))).sum() > 0
        low, high = (middle, high) if falls else (low, middle)
    return float(np.exp((low + high) / 2))


def calibrate_distances(model: nn.Module, parts: TrainingData, features: Features) -> DistanceCalibration:
    """Chosen on the validation rows; where the test rows stand in for them, on the train rows."""
    part = parts.train if features.validates_on_test else parts.validation
    distance = predict_outputs(model, part.rows.inputs).numpy()
    weight = None if features.validates_on_test or parts.sample_weight is None else parts.sample_weight.numpy()
    return fit_distance_calibration(distance, part.rows.target.numpy(), weight)
