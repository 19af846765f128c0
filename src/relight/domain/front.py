"""What stands before the network: gaps filled, numbers scaled, categories spread out.

What is fitted lives here as buffers, so that the state_dict is raw columns in, answers out, and
prediction cannot drift from training.
"""

import torch
from torch import Tensor, nn

from relight.domain.features import Features

ONE_HOT_LEVELS = 32  # up to here a column of its own for each level; above, a learned embedding
D_EMBEDDING = 16


def needs_front(features: Features, numeric: str) -> bool:
    """Plain numbers without gaps need none: then the state_dict has the tutorial's keys."""
    has_gaps = any(feature.gaps for feature in features.numeric)
    return numeric != "none" or has_gaps or bool(features.categorical)


class Front(nn.Module):
    """Raw columns → the numbers that a network reads.

    A gap becomes the train rows' mean; each column with gaps among the train rows gets an indicator
    of its own. A level that the train rows lack becomes zeros, as does a gap.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level
        - output: (n_rows, d_out)
    """

    mean: Tensor
    scale: Tensor
    shift: Tensor
    with_gaps: Tensor

    def __init__(self, features: Features, *, standardize: bool) -> None:
        super().__init__()
        means = torch.tensor([feature.mean for feature in features.numeric], dtype=torch.float32)
        stds = torch.tensor([feature.std or 1.0 for feature in features.numeric], dtype=torch.float32)
        gaps = [index for index, feature in enumerate(features.numeric) if feature.gaps]
        self.register_buffer("mean", means)
        self.register_buffer("shift", means.clone() if standardize else torch.zeros_like(means))
        self.register_buffer("scale", stds if standardize else torch.ones_like(stds))
        self.register_buffer("with_gaps", torch.tensor(gaps, dtype=torch.int64))
        self.categories = nn.ModuleList(_spread(len(f.levels)) for f in features.categorical)
        widths = [spread.d_out for spread in self.categories if isinstance(spread, OneHot | Embedding)]
        self.d_out = len(means) + len(gaps) + sum(widths)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        is_gap = numeric.isnan()
        filled = torch.where(is_gap, self.mean, numeric)
        scaled = (filled - self.shift) / self.scale
        indicators = is_gap.index_select(1, self.with_gaps).to(numeric.dtype)
        spread = [module(categories[:, index]) for index, module in enumerate(self.categories)]
        return torch.cat([scaled, indicators, *spread], dim=1)


class OneHot(nn.Module):
    """Code 1 to n → the unit vectors of width n; code 0 → zeros."""

    def __init__(self, n_levels: int) -> None:
        super().__init__()
        self.d_out = n_levels

    def forward(self, codes: Tensor) -> Tensor:
        one_hot = nn.functional.one_hot(codes.long(), self.d_out + 1)
        return one_hot[:, 1:].to(torch.float32)


class Embedding(nn.Module):
    """Code 1 to n → a learned vector of width 16; code 0 → zeros, for ever."""

    def __init__(self, n_levels: int) -> None:
        super().__init__()
        self.d_out = D_EMBEDDING
        self.embedding = nn.Embedding(n_levels + 1, D_EMBEDDING, padding_idx=0)

    def forward(self, codes: Tensor) -> Tensor:
        out: Tensor = self.embedding(codes.long())
        return out


def _spread(n_levels: int) -> OneHot | Embedding:
    return OneHot(n_levels) if n_levels <= ONE_HOT_LEVELS else Embedding(n_levels)
