"""The preprocessor before a network: gaps filled, numbers standardized or made normal, categories as codes.

What is fitted is a buffer here, so that the state_dict is raw columns in, predictions out, and prediction cannot drift
from training. Nothing here learns: training applies it once.
"""

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.features import Features, NumericFeature
from relight.model.checks import columns_to_keep
from relight.model.params import ModelParams

MIN_LEVEL = 1e-7  # distance to the levels 0 and 1: scikit-learn's bound; the scores end at -5.199 and 5.199
# Wichura 1988, "Algorithm AS 241: The Percentage Points of the Normal Distribution", PPND7: made for single
# precision, no coefficient cancels another; relative error 1e-7. The highest power first.
CENTRE_NUMERATOR = (59.109374720, 159.29113202, 50.434271938, 3.3871327179)
CENTRE_DENOMINATOR = (67.187563600, 78.757757664, 17.895169469, 1.0)
TAIL_NUMERATOR = (0.17023821103, 1.3067284816, 2.7568153900, 1.4234372777)
TAIL_DENOMINATOR = (0.12021132975, 0.73700164250, 1.0)
TAIL_START = 0.075
MAX_KNOTS, MIN_KNOTS, ROWS_PER_KNOT = 1000, 10, 30


def normal_quantile(level: Tensor, from_above: Tensor) -> Tensor:
    """Return z with P(Z < z) = level, by operations that every runtime has.

    **Shape**: any; both in [0, 1], and `from_above` is 1 - level without its rounding.
    """
    share = torch.minimum(level, from_above).clamp(min=MIN_LEVEL)  # of the smaller side
    from_middle = 0.5 - share
    r = 0.180625 - from_middle * from_middle
    centre = from_middle * _polynomial(CENTRE_NUMERATOR, r) / _polynomial(CENTRE_DENOMINATOR, r)
    r = (-share.log()).sqrt() - 1.6
    tail = _polynomial(TAIL_NUMERATOR, r) / _polynomial(TAIL_DENOMINATOR, r)
    score = torch.where(share < TAIL_START, tail, centre)  # at least 0
    return torch.where(level < from_above, -score, score)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Evaluate a polynomial by Horner's rule; the coefficient of the highest power comes first."""
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


class QuantileNormal(nn.Module):
    """Numbers that look normally distributed: each value's quantile among the train rows, as a normal score.

    This is scikit-learn's `QuantileTransformer(output_distribution="normal")` with knots in a buffer and operations
    that export. Knots and values are compared in float32 and in the column's own unit, so that no rounding can push a
    value off its plateau. The number of knots and the normal scores are those of Gorishniy et al. 2025, "TabM",
    section D.2. A value that many train rows share is a plateau of equal knots, and gets the score of its middle.

    NOTE[DIFF]: the authors add noise of 1e-5 to the train rows before the fit, so that such a value falls somewhere
    near the middle of its plateau also at the ends of a column, where scikit-learn returns -5.2 or 5.2. Here both ends
    of the plateau are looked up, and the value falls on its exact middle: the mean of that noise, without drawing it.

    **Shape**: (n_rows, n_numbers) in and out; the output is within -5.2 and 5.2.
    """

    knots: Tensor

    def __init__(self, features: list[NumericFeature], n_train: int) -> None:
        super().__init__()
        n_knots = max(min(n_train // ROWS_PER_KNOT, MAX_KNOTS), MIN_KNOTS)
        self.register_buffer("knots", torch.empty(len(features), n_knots))
        for row, feature in zip(self.knots, features, strict=True):
            row.copy_(torch.from_numpy(_knots(feature, n_knots)))
        self.d_widest = 4 * len(features)  # counts and indices are int64, several at once

    def forward(self, x: Tensor) -> Tensor:
        x = x.T  # (n_numbers, n_rows)
        last = self.knots.shape[1] - 1
        below, up_to = _count_below(self.knots, x), _count_up_to(self.knots, x)
        left = (below - 1).clamp(0, last - 1)
        low, high = self.knots.gather(1, left), self.knots.gather(1, left + 1)
        share = ((x - low) / (high - low)).clamp(0, 1)
        is_knot = up_to > below
        middle = (below + up_to - 1).to(x.dtype) / 2
        # From both ends, because 1 - level has no digits left near level 1.
        level = torch.where(is_knot, middle, left.to(x.dtype) + share) / last
        from_above = torch.where(is_knot, last - middle, (last - left).to(x.dtype) - share) / last
        return normal_quantile(level, from_above).T


def _knots(feature: NumericFeature, n_knots: int) -> np.ndarray:
    """Interpolate the train rows' quantiles at `n_knots` even levels."""
    levels = np.linspace(0, 1, len(feature.quantiles))
    return np.interp(np.linspace(0, 1, n_knots), levels, feature.quantiles)


def _count_below(knots: Tensor, x: Tensor) -> Tensor:
    """Count the knots below each value, by bisection, because `torch.searchsorted` does not export to ONNX."""
    count = torch.zeros_like(x, dtype=torch.int64)
    for step in _powers_of_two(knots.shape[1]):
        more = count + step
        is_below = knots.gather(1, (more - 1).clamp(max=knots.shape[1] - 1)) < x
        count = torch.where(is_below & (more <= knots.shape[1]), more, count)
    return count


def _count_up_to(knots: Tensor, x: Tensor) -> Tensor:
    """Count the knots that are not above each value: from the other end, those that are below."""
    return knots.shape[1] - _count_below(-knots.flip(1), -x)


def _powers_of_two(n_knots: int) -> list[int]:
    """Return powers of two that sum to at least the number of knots, the largest first."""
    return [2**power for power in reversed(range(n_knots.bit_length()))]


class Standardize(nn.Module):
    """(x - mean) / std of the train rows. **Shape**: (n_rows, n_numbers) in and out."""

    shift: Tensor
    scale: Tensor

    def __init__(self, features: list[NumericFeature]) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor([feature.mean for feature in features], dtype=torch.float32))
        self.register_buffer("scale", torch.tensor([feature.std for feature in features], dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.shift) / self.scale


class Preprocessor(nn.Module):
    """Raw columns → numbers and codes.

    A gap becomes the train rows' mean, also if the column has its first gap at prediction time; each column with
    gaps in the train rows gets an indicator of its own. Near-constant columns are dropped.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) integers, 0 for a level that train lacks
        - numbers: (n_rows, d_numbers) float32: first the `n_scaled` columns, then the indicators
        - codes: (n_rows, n_categorical) int64

    Attributes:
        n_levels: of each category, without code 0.
        n_scaled, d_numbers: the number of scaled columns, and of all numbers that come out.
    """

    mean: Tensor
    keep: Tensor
    with_gaps: Tensor

    def __init__(self, features: Features, numeric: str) -> None:
        super().__init__()
        kept = columns_to_keep(features, numeric)
        gaps = [index for index, f in enumerate(features.numeric) if 0 < f.gaps < features.n_described]
        means = [feature.mean for feature in features.numeric]
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float32))
        self.register_buffer("keep", torch.tensor(kept, dtype=torch.int64))
        self.register_buffer("with_gaps", torch.tensor(gaps, dtype=torch.int64))
        self.scaling = _scaling([features.numeric[index] for index in kept], numeric, features.n_described)
        self.n_scaled, self.d_numbers = len(kept), len(kept) + len(gaps)
        self.n_levels = [len(feature.levels) for feature in features.categorical]

    def forward(self, numeric: Tensor, categories: Tensor) -> tuple[Tensor, Tensor]:
        is_gap = numeric.isnan()
        filled = torch.where(is_gap, self.mean, numeric)
        scaled = self.scaling(filled.index_select(1, self.keep))
        indicators = is_gap.index_select(1, self.with_gaps).to(numeric.dtype)
        return torch.cat([scaled, indicators], dim=1), categories.long()


def needs_preprocessor(params: ModelParams, features: Features, target_scale: str, seeds: int) -> bool:
    """Return whether a model needs a preprocessor.

    A line or a plain network on numbers without gaps, in the data's own units, needs none: then the state_dict has the
    tutorial's keys.
    """
    plain_model = params.name in ("linear_parameters", "linear", "mlp") and seeds == 1
    plain_table = not features.categorical and not any(feature.gaps for feature in features.numeric)
    own_units = params.numeric == "none" and target_scale == "none" and features.task == "regression"
    return not (plain_model and plain_table and own_units)


def _scaling(features: list[NumericFeature], numeric: str, n_train: int) -> nn.Module:
    match numeric:
        case "standardize":
            return Standardize(features)
        case "quantile_normal" if features:
            return QuantileNormal(features, n_train)
        case _:
            return nn.Identity()
