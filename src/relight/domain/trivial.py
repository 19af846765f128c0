"""What one would say without a model."""

import numpy as np

from relight.domain.schema import Task
from relight.domain.weighing import row_weights


def trivial_answers(
    task: Task, target: np.ndarray, n_rows: int, n_classes: int, weight: np.ndarray | None = None
) -> np.ndarray:
    """The train rows' mean, or their class shares, for every row; for a ranking no order at all.

    Args:
        target: of the train rows; (n_train,) numbers or class codes, or (n_train, n_classes) shares.
        weight: of the train rows.

    Returns:
        (n_rows,) numbers (for pairs how far the share of those that are alike is above one half), or
        (n_rows, n_classes) probabilities, float64.
    """
    if task == "ranking":
        return np.zeros(n_rows)  # a constant scores what a random order scores on average
    weights = row_weights(len(target), weight)
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
