"""Pairs of records as the model takes them: the tensors of both sides, with letters hashed once."""

import torch
from torch import Tensor

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


def preprocess_pairs(model: SiameseModel, pairs: Rows) -> Rows:
    """Return the pairs as the tower sees them: once, not in every step."""
    return Rows(preprocess_inputs(model.preprocessor, pairs.inputs), pairs.target, pairs.weight)
