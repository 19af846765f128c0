"""What the distance of a pair means: how far below the threshold it is, and how likely the two are the same."""

import numpy as np
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from relight.domain.ranking import Ranked, auc
from relight.domain.weighing import row_weights

HALVINGS = 60  # of the range in which the slope is sought


class PairScale(BaseModel):
    """
    Attributes:
        threshold: pairs at this distance or nearer are said to be alike.
        slope: how fast the probability falls with the distance there, 1 / distance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float
    slope: float

    def score(self, distance: np.ndarray) -> np.ndarray:
        """How far below the threshold, (n_rows,) float64: pairs at 0 and above are alike."""
        return self.threshold - distance.reshape(-1).astype(np.float64)

    def similarity(self, distance: np.ndarray) -> np.ndarray:
        """Something like the probability that they are alike, (n_rows,) float64: one half at the threshold."""
        return _sigmoid(self.slope * self.score(distance))


def fit_scale(distance: np.ndarray, alike: np.ndarray, weight: np.ndarray | None = None) -> PairScale:
    """The threshold with the highest accuracy on these pairs, and the slope with the lowest log loss.

    Args:
        distance: (n_rows,).
        alike: (n_rows,) 0 or 1.
    """
    distances, is_alike = distance.reshape(-1).astype(np.float64), alike.reshape(-1) == 1
    weights = row_weights(len(distances), weight)
    threshold = best_threshold(distances, is_alike, weights)
    return PairScale(threshold=threshold, slope=_best_slope(threshold - distances, is_alike, weights))


def best_threshold(distances: np.ndarray, is_alike: np.ndarray, weights: np.ndarray) -> float:
    """In the middle of the widest space between neighbouring distances of all that give the highest accuracy."""
    levels, places = np.unique(distances, return_inverse=True)
    near = np.append(0.0, np.cumsum(np.bincount(places, weights * is_alike)))  # right at or below each level
    far = np.bincount(places, weights * ~is_alike)
    right = near + far.sum() - np.append(0.0, np.cumsum(far))
    ends = np.concatenate([[levels[0] - 1], levels, [levels[-1] + 1]])
    spaces = np.concatenate([[0.0], np.diff(levels), [0.0]])
    best = np.flatnonzero(right >= right.max() - 1e-9 * weights.sum())
    place = best[np.argmax(spaces[best])]
    return float((ends[place] + ends[place + 1]) / 2)


def one_minus_auc(distances: Tensor, alike: Tensor, weight: Tensor | None) -> float:
    """Of the pairs of one that is alike and one that is not, the share in the wrong order; 1/2 where there are none."""
    ranked = Ranked(alike.reshape(-1).cpu().numpy() == 1, -distances.reshape(-1).cpu().numpy().astype(np.float64))
    area = auc(*ranked.counts(row_weights(len(ranked.order), None if weight is None else weight.cpu().numpy())))
    return 0.5 if area is None else 1 - area


def _best_slope(score: np.ndarray, is_alike: np.ndarray, weights: np.ndarray) -> float:
    """By bisection of its logarithm. The labels are drawn in a little, so that pairs without a mistake have a slope,
    too (Platt 1999, "Probabilistic outputs for support vector machines", section 2.2)."""
    n_alike, n_other = weights[is_alike].sum(), weights[~is_alike].sum()
    wanted = np.where(is_alike, (n_alike + 1) / (n_alike + 2), 1 / (n_other + 2))
    unit = float(np.abs(score).max()) or 1.0
    low, high = np.log(1e-3 / unit), np.log(1e4 / unit)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        falls = (weights * score * (wanted - _sigmoid(np.exp(middle) * score))).sum() > 0
        low, high = (middle, high) if falls else (low, middle)
    return float(np.exp((low + high) / 2))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """Without an overflow on either side."""
    small = np.exp(-np.abs(x))
    shares: np.ndarray = np.where(x >= 0, 1.0, small) / (1 + small)
    return shares
