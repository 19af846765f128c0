"""The quantile function of the normal distribution, from operations that every runtime has."""

import torch
from torch import Tensor

NEAREST = 1e-7  # to level 0 and 1: scikit-learn's bound; the scores end at -5.199 and 5.199

# Wichura 1988, "Algorithm AS 241: The Percentage Points of the Normal Distribution", PPND7: made for single
# precision, no coefficient cancels another; relative error 1e-7. The highest power first.
CENTRE = (59.109374720, 159.29113202, 50.434271938, 3.3871327179)
CENTRE_BELOW = (67.187563600, 78.757757664, 17.895169469, 1.0)
TAIL = (0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777)
TAIL_BELOW = (0.12021132975, 0.73700164250, 1.0)
TAIL_BEGINS = 0.075


def normal_scores(level: Tensor, from_above: Tensor) -> Tensor:
    """z with P(Z < z) = level. **Shape**: any; both in [0, 1], and `from_above` is 1 - level without its rounding."""
    share = torch.minimum(level, from_above).clamp(min=NEAREST)  # of the smaller side
    from_middle = 0.5 - share
    r = 0.180625 - from_middle * from_middle
    centre = from_middle * _polynomial(CENTRE, r) / _polynomial(CENTRE_BELOW, r)
    r = (-share.log()).sqrt() - 1.6
    tail = _polynomial(TAIL, r) / _polynomial(TAIL_BELOW, r)
    score = torch.where(share < TAIL_BEGINS, tail, centre)  # at least 0
    return torch.where(level < from_above, -score, score)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """By Horner's rule."""
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
