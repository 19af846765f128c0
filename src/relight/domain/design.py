"""Rows as the numbers of a linear model: standardized, with indicators of gaps and one-hot categories."""

import numpy as np

MOST_LEVELS = 100  # of a category, the most frequent among the train rows: a column each


class Design:
    """What the train rows fix: means, deviations, columns with gaps, levels.

    Gaps become the mean, and an indicator for each column that has some among the train rows; a column that
    never varies stays at 0. A rare or unknown level is 0 in every column of its category.

    **Shape**
        - numeric: (n_rows, n_numeric), NaN for a gap
        - categories: (n_rows, n_categorical), 0 for a gap or an unknown level
        - output: (n_rows, d_out) float64
    """

    def __init__(self, numeric: np.ndarray, categories: np.ndarray) -> None:
        gaps = np.isnan(numeric)
        counts = np.maximum((~gaps).sum(axis=0), 1)
        self.mean = np.where(gaps, 0, numeric).sum(axis=0, dtype=np.float64) / counts
        centred = np.where(gaps, 0, numeric - self.mean)
        std = np.sqrt((centred**2).sum(axis=0, dtype=np.float64) / counts)
        self.scale = np.where(std > 1e-12 * np.abs(self.mean), std, np.inf)
        self.scale[std == 0] = np.inf
        self.with_gaps = np.flatnonzero(gaps.any(axis=0))
        self.levels = [_frequent_levels(categories[:, k]) for k in range(categories.shape[1])]

    def __call__(self, numeric: np.ndarray, categories: np.ndarray) -> np.ndarray:
        gaps = np.isnan(numeric)
        scaled = np.where(gaps, 0, numeric - self.mean) / self.scale
        one_hot = [categories[:, [k]] == levels for k, levels in enumerate(self.levels)]
        return np.concatenate([scaled, gaps[:, self.with_gaps], *one_hot], axis=1, dtype=np.float64)


def _frequent_levels(codes: np.ndarray) -> np.ndarray:
    counts = np.bincount(codes)
    counts[0] = 0
    frequent = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    levels: np.ndarray = np.sort(frequent[counts[frequent] > 0])
    return levels
