"""Whether probabilities mean what they say."""

import numpy as np

N_BINS = 10

Bin = tuple[float, float, int]


def confidence_and_truth(target: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's probability of the second class where there are two, else of the chosen one; and whether it came true.

    Args:
        target: (n_rows,) class codes.
        probabilities: (n_rows, n_classes).
    """
    if probabilities.shape[1] == 2:
        return probabilities[:, 1], target == 1
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == target


def reliability_bins(
    confidence: np.ndarray, came_true: np.ndarray, weight: np.ndarray | None = None, n_bins: int = N_BINS
) -> list[Bin]:
    """For each bin of confidence that has rows: mean confidence, share that came true, rows."""
    bins = _bins(confidence, n_bins)
    weights = np.ones(len(confidence)) if weight is None else weight.astype(np.float64)
    found = []
    for members in (bins == b for b in range(n_bins)):
        if weights[members].any():
            average = [float(np.average(v[members], weights=weights[members])) for v in (confidence, came_true)]
            found.append((average[0], average[1], int(members.sum())))
    return found


def expected_calibration_error(
    confidence: np.ndarray, came_true: np.ndarray, weight: np.ndarray | None = None, n_bins: int = N_BINS
) -> float:
    """Σ over equally wide bins: share of the rows × |observed share - mean confidence|.

    Naeini, Cooper and Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    weights = np.ones(len(confidence)) if weight is None else weight.astype(np.float64)
    off = weights * (came_true.astype(np.float64) - confidence.astype(np.float64))
    return float(np.abs(np.bincount(_bins(confidence, n_bins), off, n_bins)).sum() / weights.sum())


def _bins(confidence: np.ndarray, n_bins: int) -> np.ndarray:
    bins: np.ndarray = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return bins
