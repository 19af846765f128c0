"""Metrics that params.yaml names."""

import numpy as np


def within(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray, *, share: float = 0.1) -> float:
    """Return the share of rows whose prediction is off by at most `share` of the true value."""
    close = np.abs(y_pred - y_true) <= share * np.abs(y_true)
    return float(np.average(close, weights=sample_weight))
