"""Where piecewise-linear embeddings bend: quantiles of the train rows, after the front's transform."""

import warnings

import numpy as np
import torch
from rtdl_num_embeddings import compute_bins
from torch import Tensor

from relight.domain.features import Features, NumericFeature
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
    grids = [_grid(features.numeric[place]) for place in kept]
    longest = max(len(grid) for grid in grids)
    padded = np.array([np.pad(grid, (0, longest - len(grid)), mode="edge") for grid in grids], dtype=np.float32)
    with torch.no_grad():
        scaled = front.scaling(torch.from_numpy(padded.T))
    return [_edges(column[: len(grid)], n_bins) for column, grid in zip(scaled.T, grids, strict=True)]


def _grid(feature: NumericFeature) -> np.ndarray:
    """The quantiles of a column from its smallest to its largest value: those may come from some of the rows alone."""
    return np.array([feature.low, *feature.quantiles[1:-1], feature.high])


def _edges(column: Tensor, n_bins: int) -> Tensor:
    ends = column[[0, -1]]
    if len(column) < 3:
        return ends
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a column has one bin: it is then kept flat
        (edges,) = compute_bins(column.unsqueeze(1), min(n_bins, len(column) - 1))
    narrowest = NARROWEST * edges.abs().max().item()
    chosen: list[float] = []
    for edge in edges.tolist():
        if not chosen or edge - chosen[-1] > narrowest:
            chosen.append(edge)
    return torch.tensor(chosen) if len(chosen) > 1 else ends
