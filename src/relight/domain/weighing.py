"""How much each row counts in a score."""

import numpy as np


def row_weights(n_rows: int, weight: np.ndarray | None) -> np.ndarray:
    """The weights as float64; 1 for every row where there are none, or where all are 0."""
    if weight is None or not weight.any():
        return np.ones(n_rows)
    return weight.astype(np.float64)
