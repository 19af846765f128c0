"""Scores of predicted numbers."""

import numpy as np


class RegressionScorer:
    """Mean and median absolute error, RMSE, R² and MAPE under any weights of the rows.

    R² is left out where the target does not vary, MAPE (a share, not percents) where a target is 0:
    neither is defined there.

    Args:
        target, predicted: (n_rows,) numbers.
    """

    def __init__(self, target: np.ndarray, predicted: np.ndarray) -> None:
        self.target = target.astype(np.float64)
        self.absolute = np.abs(predicted.astype(np.float64) - self.target)
        self.squared = self.absolute**2
        self.order = np.argsort(self.absolute, kind="stable")

    def __call__(self, weight: np.ndarray) -> dict[str, float]:
        scores = {
            "mae": float(np.average(self.absolute, weights=weight)),
            "rmse": float(np.sqrt(np.average(self.squared, weights=weight))),
            "median_ae": self._median(weight),
        }
        counted = self.target[weight > 0]
        if counted.max() > counted.min():  # not: deviation > 0, which rounding alone can make true
            deviation = self.target - np.average(self.target, weights=weight)
            scores["r2"] = 1 - float((weight * self.squared).sum()) / float((weight * deviation**2).sum())
        if counted.all():
            share = self.absolute / np.where(weight > 0, np.abs(self.target), 1)
            scores["mape"] = float(np.average(share, weights=weight))
        return scores

    def _median(self, weight: np.ndarray) -> float:
        """The middle of the errors, or the mean of both middles where the weights halve exactly between."""
        known = self.order[weight[self.order] > 0]
        reached = np.cumsum(weight[known])
        middle = np.searchsorted(reached, reached[-1] / 2)
        above = middle + int(reached[middle] == reached[-1] / 2)
        return float((self.absolute[known[middle]] + self.absolute[known[above]]) / 2)
