"""What stands before the network: gaps filled, numbers scaled, categories as codes.

What is fitted lives here as buffers, so that the state_dict is raw columns in, answers out, and
prediction cannot drift from training. Nothing here learns: training applies it once.
"""

import torch
from torch import Tensor, nn

from relight.domain.features import Features, NumericFeature
from relight.domain.narrow import columns_to_keep
from relight.domain.quantile_normal import QuantileNormal
from relight.domain.standardize import Standardize
from relight.params.model import ModelParams


class Front(nn.Module):
    """Raw columns → numbers and codes.

    A gap becomes the train rows' mean, also where it appears first at prediction time; each column with
    gaps among the train rows gets an indicator of its own. Columns whose train rows hardly differ are dropped.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) integers, 0 for a gap or an unknown level
        - numbers: (n_rows, d_numbers) float32: first the `n_scaled` columns, then the indicators
        - codes: (n_rows, n_categorical) int64

    Attributes:
        n_levels: of each category, without code 0.
    """

    mean: Tensor
    keep: Tensor
    with_gaps: Tensor

    def __init__(self, features: Features, numeric: str) -> None:
        super().__init__()
        kept = columns_to_keep(features, numeric)
        gaps = [place for place, f in enumerate(features.numeric) if 0 < f.gaps < features.n_described]
        means = [feature.mean for feature in features.numeric]
        self.register_buffer("mean", torch.tensor(means, dtype=torch.float32))
        self.register_buffer("keep", torch.tensor(kept, dtype=torch.int64))
        self.register_buffer("with_gaps", torch.tensor(gaps, dtype=torch.int64))
        self.scaling = _scaling([features.numeric[place] for place in kept], numeric, features.n_described)
        self.n_scaled, self.d_numbers = len(kept), len(kept) + len(gaps)
        self.n_levels = [len(feature.levels) for feature in features.categorical]

    def forward(self, numeric: Tensor, categories: Tensor) -> tuple[Tensor, Tensor]:
        is_gap = numeric.isnan()
        filled = torch.where(is_gap, self.mean, numeric)
        scaled = self.scaling(filled.index_select(1, self.keep))
        indicators = is_gap.index_select(1, self.with_gaps).to(numeric.dtype)
        return torch.cat([scaled, indicators], dim=1), categories.long()


def needs_front(params: ModelParams, features: Features, target_scale: str, seeds: int) -> bool:
    """A line or a plain network of whole numbers in the data's own units needs none: then the state_dict has the
    tutorial's keys."""
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
