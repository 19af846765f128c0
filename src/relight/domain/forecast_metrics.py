"""Scores of forecasts, over the steps that have a value: the field's names, the field's definitions."""

import numpy as np

Scores = dict[str, float]


def forecast_scores(target: np.ndarray, predicted: np.ndarray, seasonal_error: float | None) -> Scores:
    """MAE, RMSE, sMAPE and MASE.

    sMAPE is the mean of 200 |y - f| / (|y| + |f|), 0 where both are 0 (Makridakis et al. 2000, "The M3-Competition").
    MASE is the MAE over that of the seasonal naive forecast in the train rows (Hyndman and Koehler 2006).

    Args:
        target: (n_windows, horizon), NaN where there is none.
        predicted: (n_windows, horizon).
    """
    there = np.isfinite(target)
    absolute, squared, relative = errors_of(target[there], predicted[there])
    scores = {
        "mae": float(absolute.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "smape": float(relative.mean()),
    }
    return scores if seasonal_error is None else {**scores, "mase": scores["mae"] / seasonal_error}


def errors_of(target: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each forecast adds to MAE, to the square of RMSE and to sMAPE."""
    true, said = target.astype(np.float64), predicted.astype(np.float64)
    off, size = np.abs(true - said), np.abs(true) + np.abs(said)
    return off, np.square(off), np.divide(200 * off, size, out=np.zeros_like(off), where=size > 0)


def coverage(target: np.ndarray, predicted: np.ndarray, widths: np.ndarray) -> float:
    """The share of the truth within the intervals, over the steps ahead that have one.

    Args:
        widths: (horizon,), half of an interval each; NaN where there is none, of all of them at least one.
    """
    there = np.isfinite(target) & np.isfinite(widths)
    inside = np.abs(target.astype(np.float64) - predicted) <= widths
    return float(inside[there].mean())
