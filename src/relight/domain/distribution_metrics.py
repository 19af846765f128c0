"""Scores of predicted label distributions."""

import numpy as np

from relight.domain.class_metrics import SMALLEST


class DistributionScorer:
    """Kullback-Leibler divergence, mean absolute error over the classes, and how often the top class is right.

    The divergence is that of the prediction from the truth, Σ target log(target / predicted), in nats; a
    share of 0 adds nothing.

    Args:
        target, predicted: (n_rows, n_classes), each row sums to 1.
    """

    def __init__(self, target: np.ndarray, predicted: np.ndarray) -> None:
        true, said = target.astype(np.float64), predicted.astype(np.float64)
        ratio = np.where(true > 0, true, 1) / np.clip(said, SMALLEST, None)
        self.divergence = np.where(true > 0, true * np.log(ratio), 0).sum(axis=1)
        self.absolute = np.abs(said - true).mean(axis=1)
        self.is_right = (true.argmax(axis=1) == said.argmax(axis=1)).astype(np.float64)

    def __call__(self, weight: np.ndarray) -> dict[str, float]:
        return {
            "kl_divergence": float(np.average(self.divergence, weights=weight)),
            "mae": float(np.average(self.absolute, weights=weight)),
            "top_1": float(np.average(self.is_right, weights=weight)),
        }
