"""Predictions without a trained network, which a model must beat.

For rows a constant; for forecasts the last value, the value a season ago and the linear autoregression; for pairs how
much two records share.
"""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from relight.data.schema import Task
from relight.metrics.roc import check_sample_weight
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Forecaster
from relight.model.networks.tower import ngrams
from relight.model.series import Windows, preprocess_windows

ForecastBaseline = Callable[[Tensor, Tensor, Tensor], Tensor]  # past, future, series as of `Forecaster` → (n, horizon)
NAIVE, SEASONAL_NAIVE = "naive", "seasonal_naive"


def constant_baseline(
    task: Task, target: np.ndarray, n_rows: int, n_classes: int, weight: np.ndarray | None = None
) -> np.ndarray:
    """Predict the train rows' mean, or their class shares, for every row; for a ranking no order at all.

    Args:
        target: of the train rows, (n_train,) numbers or class codes, or (n_train, n_classes) shares.
        weight: of the train rows.

    Returns:
        (n_rows,) numbers, or (n_rows, n_classes) probabilities, float64; for pairs the share of alike ones, minus 1/2.
    """
    if task == "ranking":
        return np.zeros(n_rows)  # a constant scores what a random order scores on average
    weights = check_sample_weight(len(target), weight)
    match task:
        case "regression":
            return np.full(n_rows, np.average(target.astype(np.float64), weights=weights))
        case "binary" | "multiclass":
            shares = np.bincount(target, weights, n_classes) / weights.sum()
        case "distribution":
            shares = np.average(target.astype(np.float64), axis=0, weights=weights)
        case "similarity":
            return np.full(n_rows, np.average(target == 1, weights=weights) - 0.5)
    return np.tile(shares, (n_rows, 1))


def forecast_baselines(model: Forecaster, line: Autoregression) -> dict[str, ForecastBaseline]:
    """Return the baselines by their names, `naive` first; the seasonal one if a window holds a season.

    Args:
        line: the fitted linear autoregression.
    """
    schema = model.features.series_schema
    baselines: dict[str, ForecastBaseline] = {NAIVE: lambda past, *_: past[:, -1:, 0].expand(-1, schema.horizon)}
    if 1 < schema.season <= schema.length:
        baselines[SEASONAL_NAIVE] = lambda past, *_: seasonal_naive(past[:, :, 0], schema.season, schema.horizon)
    baselines["linear_autoregression"] = lambda *inputs: linear_forecast(model, line, *inputs)
    return baselines


def seasonal_naive(values: Tensor, season: int, horizon: int) -> Tensor:
    """Repeat the last season: (n, length) → (n, horizon)."""
    indices = torch.arange(horizon) % season + values.shape[1] - season
    return values.index_select(1, indices)


def fit_linear_baseline(model: Forecaster, train: Windows, validation: Windows | None) -> Autoregression:
    """Return the linear autoregression without a network, fitted like that of a forecaster."""
    line = copy.deepcopy(model.network.autoregression)
    examples = [preprocess_windows(model, windows) for windows in (train, validation) if windows is not None]
    line.fit(examples[0], examples[1] if validation is not None else None, overlap=train.overlap)
    if validation is not None:
        line.refit(examples, lambda past, _: torch.zeros_like(past[:, :1, 0]))
    return line


def linear_forecast(model: Forecaster, line: Autoregression, past: Tensor, future: Tensor, series: Tensor) -> Tensor:
    """Return the forecast of a linear autoregression, in the target's own unit."""
    scale = model.scale(past[:, :, 0], series)
    out: Tensor = past[:, -1:, 0] + scale * line(*model.scaled(past, future, scale))
    return out


def record_overlap(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Return how much the two records of each pair share, without any learning: (n_rows,) float64 from 0 to 1.

    It is the mean over the columns that both records have, or 1/2 if there is none. Two texts share a part of their
    n-grams (Jaccard 1901); two levels or numbers are equal, 1, or not, 0.

    Args:
        arrays: of pairs, as split wrote them.
    """
    left, right = (
        [arrays[f"{side}_{part}"] for part in ("numeric", "categories", "letters")] for side in ("left", "right")
    )
    numbers = _equality(left[0], right[0], np.isnan(left[0]) | np.isnan(right[0]))
    levels = _equality(left[1], right[1], (left[1] == 0) | (right[1] == 0))
    texts = [_jaccard(_ngrams(left[2][:, k]), _ngrams(right[2][:, k])) for k in range(left[2].shape[1])]
    shares = np.concatenate([numbers, levels, *(text.reshape(-1, 1) for text in texts)], axis=1)
    in_both = ~np.isnan(shares)
    sums = np.where(in_both, shares, 0).sum(axis=1)
    shared: np.ndarray = np.where(in_both.any(axis=1), sums / np.maximum(in_both.sum(axis=1), 1), 0.5)
    return shared


def _equality(left: np.ndarray, right: np.ndarray, is_gap: np.ndarray) -> np.ndarray:
    return np.where(is_gap, np.nan, (left == right).astype(np.float64))


def _ngrams(letters: np.ndarray) -> np.ndarray:
    codes: np.ndarray = ngrams(torch.from_numpy(letters)).numpy()
    return codes


def _jaccard(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the Jaccard index of the n-grams of each row, (n_rows, n_slots) each; NaN if a side has none."""
    is_first_left, is_first_right = _is_first_occurrence(left), _is_first_occurrence(right)
    both = np.zeros(len(left))
    for slot in range(left.shape[1]):
        both += is_first_left[:, slot] & ((right == left[:, [slot]]) & is_first_right).any(axis=1)
    n_left, n_right = is_first_left.sum(axis=1), is_first_right.sum(axis=1)
    shares = both / np.maximum(n_left + n_right - both, 1)
    return np.where((n_left == 0) | (n_right == 0), np.nan, shares)


def _is_first_occurrence(codes: np.ndarray) -> np.ndarray:
    """Return which slots hold an n-gram that no slot before them holds."""
    firsts: np.ndarray = codes != 0
    for slot in range(1, codes.shape[1]):
        firsts[:, slot] &= (codes[:, :slot] != codes[:, [slot]]).all(axis=1)
    return firsts
