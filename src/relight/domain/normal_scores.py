"""The quantile function of the normal distribution, from operations that every runtime has."""

import torch
from torch import Tensor

NEAREST = 1e-7  # to level 0 and 1: scikit-learn's bound; the scores end at -5.199 and 5.199
TAIL = 0.02425  # where the approximation changes

# Acklam 2003, "An algorithm for computing the inverse normal cumulative distribution function": relative error 1.2e-9
CENTRE = (-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.3577518672690, -30.66479806614716,
          2.506628277459239)  # fmt: skip
CENTRE_BELOW = (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1.0)
OUTER = (-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
         2.938163982698783)  # fmt: skip
OUTER_BELOW = (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0)


def normal_scores(level: Tensor, from_above: Tensor) -> Tensor:
    """z with P(Z < z) = level. **Shape**: any; both in [0, 1], and `from_above` is 1 - level without its rounding."""
    tail = torch.minimum(level, from_above).clamp(min=NEAREST)
    far = (-2 * tail.clamp(max=TAIL).log()).sqrt()
    outer = _polynomial(OUTER, far) / _polynomial(OUTER_BELOW, far)
    near = tail - 0.5
    square = near * near
    centre = _polynomial(CENTRE, square) * near / _polynomial(CENTRE_BELOW, square)
    score = torch.where(tail < TAIL, outer, centre)  # at most 0
    return torch.where(level > from_above, -score, score)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """The highest power first (Horner)."""
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value
