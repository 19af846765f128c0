"""Where piecewise-linear embeddings bend: quantiles of the train rows, after the front's transform."""

import warnings

import numpy as np
import torch
from rtdl_num_embeddings import compute_bins
from torch import Tensor

from relight.domain.features import Features
from relight.domain.front import Front

# Of a column's largest edge: (x - edge) / width loses all its digits in float32 when a bin is much narrower.
NARROWEST = 1e-5


def bins_of(features: Features, front: Front, n_bins: int) -> list[Tensor]:
    """The edges of each scaled column's bins, rising: at least 2, at most n_bins + 1 of them.

    They follow from the features alone, so that a model is rebuilt without its train rows.
    """
    kept: list[int] = front.keep.tolist()
    if not kept:
        return []
    longest = max(n_bins + 2, *(len(features.numeric[place].quantiles) for place in kept))
    grid = np.array([_grid(features, place, longest) for place in kept], dtype=np.float32)
    with torch.no_grad():
        scaled = front.scaling(torch.from_numpy(grid.T))
    return [_edges(column, n_bins) for column in scaled.T]


def _grid(features: Features, place: int, length: int) -> np.ndarray:
    """The quantiles of a column, each as often as needed, between its smallest and its largest value."""
    feature = features.numeric[place]
    chosen = np.linspace(0, len(feature.quantiles) - 1, length).round().astype(int)
    grid: np.ndarray = np.array(feature.quantiles)[chosen]
    grid[0], grid[-1] = feature.low, feature.high
    return grid


def _edges(column: Tensor, n_bins: int) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a column has one bin: it is then kept flat
        (edges,) = compute_bins(column.unsqueeze(1), n_bins)
    narrowest = NARROWEST * edges.abs().max().item()
    chosen: list[float] = []
    for edge in edges.tolist():
        if not chosen or edge - chosen[-1] > narrowest:
            chosen.append(edge)
    return torch.tensor(chosen) if len(chosen) > 1 else edges[[0, -1]]
