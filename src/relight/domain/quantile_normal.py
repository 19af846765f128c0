"""Numbers that look normally distributed: each value's quantile among the train rows, as a normal score.

scikit-learn's `QuantileTransformer(output_distribution="normal")`, as a module whose knots are a buffer
and whose operations all export. Knots and values are compared as they are, in float32 and in the column's own unit:
no rounding can push a value off its plateau.
"""

import numpy as np
import torch
from torch import Tensor, nn

from relight.domain.features import NumericFeature
from relight.domain.normal_scores import normal_scores

MOST_KNOTS, FEWEST_KNOTS, ROWS_PER_KNOT = 1000, 10, 30


class QuantileNormal(nn.Module):
    """Each column's quantile function, read backwards, then the normal distribution's.

    The number of knots and the normal scores are those of Gorishniy et al. 2025, "TabM", section D.2. A value that
    many train rows share is a plateau of equal knots, and gets the score of its middle.

    NOTE[DIFF]: the authors put noise of 1e-5 on the train rows before the fit, so that such a value falls
    somewhere near the middle of its plateau also at the ends of a column, where scikit-learn would say
    -5.2 or 5.2. Here both ends of the plateau are looked up, and the value falls on its very middle: what that
    noise amounts to on average, without a draw.

    **Shape**: (n_rows, n_numbers) in and out; the output is within -5.2 and 5.2.
    """

    knots: Tensor

    def __init__(self, features: list[NumericFeature], n_train: int) -> None:
        super().__init__()
        n_knots = max(min(n_train // ROWS_PER_KNOT, MOST_KNOTS), FEWEST_KNOTS)
        knots = np.array([_knots(feature, n_knots) for feature in features], dtype=np.float32)
        self.register_buffer("knots", torch.from_numpy(knots.reshape(len(features), n_knots)))
        self.d_widest = 4 * len(features)  # counts and places are int64, several at once

    def forward(self, x: Tensor) -> Tensor:
        x = x.T  # (n_numbers, n_rows)
        last = self.knots.shape[1] - 1
        below, up_to = _count_below(self.knots, x), _count_up_to(self.knots, x)
        left = (below - 1).clamp(0, last - 1)
        low, high = self.knots.gather(1, left), self.knots.gather(1, left + 1)
        share = ((x - low) / (high - low)).clamp(0, 1)
        is_knot = up_to > below
        middle = (below + up_to - 1).to(x.dtype) / 2
        # From both ends, for 1 - level has no digits left near level 1.
        level = torch.where(is_knot, middle, left.to(x.dtype) + share) / last
        from_above = torch.where(is_knot, last - middle, (last - left).to(x.dtype) - share) / last
        return normal_scores(level, from_above).T


def _knots(feature: NumericFeature, n_knots: int) -> np.ndarray:
    """The train rows' quantiles at `n_knots` even levels, between those that are known."""
    levels = np.linspace(0, 1, len(feature.quantiles))
    return np.interp(np.linspace(0, 1, n_knots), levels, feature.quantiles)


def _count_below(knots: Tensor, x: Tensor) -> Tensor:
    """How many knots are smaller than each value, by bisection; `torch.searchsorted` does not export to ONNX."""
    count = torch.zeros_like(x, dtype=torch.int64)
    for step in _steps(knots.shape[1]):
        more = count + step
        is_below = knots.gather(1, (more - 1).clamp(max=knots.shape[1] - 1)) < x
        count = torch.where(is_below & (more <= knots.shape[1]), more, count)
    return count


def _count_up_to(knots: Tensor, x: Tensor) -> Tensor:
    """How many knots are not larger than each value: from the other end, how many are smaller."""
    return knots.shape[1] - _count_below(-knots.flip(1), -x)


def _steps(n_knots: int) -> list[int]:
    """Powers of two that sum to at least the number of knots, the largest first."""
    return [2**power for power in reversed(range(n_knots.bit_length()))]
