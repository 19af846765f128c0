"""Scores of forecasts, over the steps that have a value: the field's names, the field's definitions."""

import numpy as np

Scores = dict[str, float]

COVERED = 0.8  # the share of the truth that an interval should hold


def forecast_scores(target: np.ndarray, predicted: np.ndarray, seasonal_error: float | None) -> Scores:
    """MAE, RMSE, sMAPE and MASE.

    sMAPE is the mean of 200 |y - f| / (|y| + |f|), 0 where both are 0 (Makridakis et al. 2000, "The M3-Competition").
    MASE is the MAE over that of the seasonal naive forecast in the train rows (Hyndman and Koehler 2006).

    Args:
        target: (n_windows, horizon), NaN where there is none.
        predicted: (n_windows, horizon).
    """
    there = np.isfinite(target)
    true, said = target[there].astype(np.float64), predicted[there].astype(np.float64)
    off = np.abs(true - said)
    size = np.abs(true) + np.abs(said)
    scores = {
        "mae": float(off.mean()),
        "rmse": float(np.sqrt(np.square(off).mean())),
        "smape": float(np.divide(200 * off, size, out=np.zeros_like(off), where=size > 0).mean()),
    }
    return scores if seasonal_error is None else {**scores, "mase": scores["mae"] / seasonal_error}


def half_widths(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(horizon,): so far from the forecast the truth lay at most in `COVERED` of these windows, for each step ahead.

    Split conformal prediction (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", section 2.2):
    the ceil((n + 1) COVERED)-th smallest error, where there are so many.
    """
    found = []
    for errors in np.abs(target.astype(np.float64) - predicted).T:
        there = np.sort(errors[np.isfinite(errors)])
        rank = min(len(there), int(np.ceil((len(there) + 1) * COVERED)))
        found.append(there[rank - 1] if rank else np.inf)
    return np.array(found)


def coverage(target: np.ndarray, predicted: np.ndarray, widths: np.ndarray) -> float:
    """The share of the truth within the intervals."""
    there = np.isfinite(target)
    inside = np.abs(target.astype(np.float64) - predicted) <= widths
    return float(inside[there].mean())
