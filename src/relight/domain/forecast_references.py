"""What a forecast must beat: the last value, the value a season ago, the linear autoregression alone."""

from collections.abc import Callable

import torch
from torch import Tensor

from relight.domain.models.forecaster import Forecaster

Reference = Callable[[Tensor, Tensor], Tensor]  # past (n, length, n_channels) and future → (n, horizon)

NAIVE = "naive"


def references_of(model: Forecaster) -> dict[str, Reference]:
    """By their names, `naive` first; the seasonal one where a window holds a season."""
    known = model.features.known
    found: dict[str, Reference] = {NAIVE: lambda past, _: past[:, -1:, 0].expand(-1, known.horizon)}
    if 1 < known.season <= known.length:
        found["seasonal_naive"] = lambda past, _: a_season_ago(past[:, :, 0], known.season, known.horizon)
    found["linear_autoregression"] = lambda past, future: linear(model, past, future)
    return found


def a_season_ago(values: Tensor, season: int, horizon: int) -> Tensor:
    """(n, length) → (n, horizon): the last season, over and over."""
    places = torch.arange(horizon) % season + values.shape[1] - season
    return values.index_select(1, places)


def linear(model: Forecaster, past: Tensor, future: Tensor) -> Tensor:
    """The forecast without its network."""
    scaled = model.front(past, future)
    out: Tensor = model.back(scaled[0][:, -1:, 0] + model.body.autoregression(*scaled))
    return out
