"""The tensors of pairs, as the tower takes them."""

import numpy as np
import torch
from torch import Tensor

PARTS = ("numeric", "categories", "letters")
NAMES = tuple(f"{side}_{part}" for side in ("left", "right") for part in PARTS)


def pair_inputs(arrays: dict[str, np.ndarray]) -> tuple[Tensor, ...]:
    """Numbers, categories and letters of the left side, then of the right, each (n_rows, ...)."""
    return tuple(torch.from_numpy(arrays[name]) for name in NAMES)
