"""Pairs of records: the tensors of both sides, and what the distance between them means.

A distance is decoded by its calibration: how far below the threshold it is, and how likely the two are the same.
"""

import numpy as np
import polars as pl
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from relight.data.features import Features
from relight.data.series_features import Single
from relight.model.networks.tower import SiameseModel
from relight.model.rows import Arrays, Rows, preprocess_inputs

PAIR_ARRAY_NAMES = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("numeric", "categories", "letters")
)


def build_pairs(arrays: Arrays) -> Rows:
    """Return the arrays of some pairs as tensors."""
    weight = torch.from_numpy(arrays["weight"]) if "weight" in arrays else None
    return Rows(pair_input_tensors(arrays), torch.from_numpy(arrays["target"]), weight)


def pair_input_tensors(arrays: Arrays) -> tuple[Tensor, ...]:
    """Return numbers, categories and letters of the left side, then of the right, each (n_rows, ...)."""
    return tuple(torch.from_numpy(arrays[name]) for name in PAIR_ARRAY_NAMES)


def comparable_columns(arrays: Arrays) -> np.ndarray:
    """Return how many columns of each pair both sides have, (n_rows,) int64; a text that is read twice counts twice."""
    there = [
        np.concatenate(
            [
                ~np.isnan(arrays[f"{side}_numeric"]),
                arrays[f"{side}_categories"] > 0,
                arrays[f"{side}_letters"][:, :, 0] > 0,
            ],
            axis=1,
        )
        for side in ("left", "right")
    ]
    counts: np.ndarray = (there[0] & there[1]).sum(axis=1)
    return counts


def preprocess_pairs(model: SiameseModel, pairs: Rows) -> Rows:
    """Return the pairs as the tower sees them: once, not in every step."""
    return Rows(preprocess_inputs(model.preprocessor, pairs.inputs), pairs.target, pairs.weight)


class DistanceCalibration(BaseModel):
    """Distances → scores and probabilities.

    Attributes:
        threshold: pairs at this distance or nearer are predicted to be alike.
        slope: how fast the probability falls with the distance there, 1 / distance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: Single
    slope: Single

    def score(self, distance: np.ndarray) -> np.ndarray:
        """Return how far below the threshold the pairs are, (n_rows,) float64: those at 0 and above are alike."""
        return self.threshold - distance.reshape(-1).astype(np.float64)

    def similarity(self, distance: np.ndarray) -> np.ndarray:
        """Return an estimate of the probability that they are alike, (n_rows,) float64: one half at the threshold."""
        return sigmoid(self.slope * self.score(distance))


def accuracy_threshold(distances: np.ndarray, is_alike: np.ndarray, weights: np.ndarray) -> float:
    """Return the threshold of the highest accuracy; of several, the middle of the widest gap between distances."""
    levels, level_indices = np.unique(distances, return_inverse=True)
    near = np.append(0.0, np.cumsum(np.bincount(level_indices, weights * is_alike)))  # right at or below each level
    far = np.bincount(level_indices, weights * ~is_alike)
    right = near + far.sum() - np.append(0.0, np.cumsum(far))
    ends = np.concatenate([[levels[0] - 1], levels, [levels[-1] + 1]])
    spaces = np.concatenate([[0.0], np.diff(levels), [0.0]])
    best = np.flatnonzero(right >= right.max() - 1e-9 * weights.sum())
    best_index = best[np.argmax(spaces[best])]
    return float((ends[best_index] + ends[best_index + 1]) / 2)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), without an overflow on either side."""
    small = np.exp(-np.abs(x))
    shares: np.ndarray = np.where(x >= 0, 1.0, small) / (1 + small)
    return shares


def pair_predictions(features: Features, distance: np.ndarray, scale: DistanceCalibration) -> pl.DataFrame:
    """Return the label, distance and similarity of each pair."""
    labels = np.array(features.classes)[(scale.score(distance) >= 0).astype(np.int64)]
    return pl.DataFrame(
        {"prediction": labels, "distance": distance.reshape(-1), "similarity": scale.similarity(distance)}
    )
