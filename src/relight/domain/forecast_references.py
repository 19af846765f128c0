"""What a forecast must beat: the last value, the value a season ago, the linear autoregression alone."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from relight.domain.models.autoregression import Autoregression
from relight.domain.models.forecaster import Forecaster
from relight.domain.windows import Windows, as_trainee_sees_windows

Reference = Callable[[Tensor, Tensor], Tensor]  # past (n, length, n_channels) and future → (n, horizon)

NAIVE = "naive"


def references_of(model: Forecaster, line: Autoregression) -> dict[str, Reference]:
    """By their names, `naive` first; the seasonal one where a window holds a season.

    Args:
        line: fitted, without a network beside it.
    """
    known = model.features.known
    found: dict[str, Reference] = {NAIVE: lambda past, _: past[:, -1:, 0].expand(-1, known.horizon)}
    if 1 < known.season <= known.length:
        found["seasonal_naive"] = lambda past, _: a_season_ago(past[:, :, 0], known.season, known.horizon)
    found["linear_autoregression"] = lambda past, future: linear(model, line, past, future)
    return found


def a_season_ago(values: Tensor, season: int, horizon: int) -> Tensor:
    """(n, length) → (n, horizon): the last season, over and over."""
    places = torch.arange(horizon) % season + values.shape[1] - season
    return values.index_select(1, places)


def fit_line(model: Forecaster, train: Windows, validation: Windows | None) -> Autoregression:
    """The linear autoregression alone, fitted as that of a forecaster is."""
    line = copy.deepcopy(model.body.autoregression)
    known = [as_trainee_sees_windows(model, windows) for windows in (train, validation) if windows is not None]
    line.fit(known[0], known[1] if validation is not None else None)
    if validation is not None:
        line.refit(known, lambda past, _: torch.zeros_like(past[:, :1, 0]))
    return line


def linear(model: Forecaster, line: Autoregression, past: Tensor, future: Tensor) -> Tensor:
    """Its forecast in the target's own unit."""
    scaled = model.front(past, future)
    out: Tensor = model.back(scaled[0][:, -1:, 0] + line(*scaled))
    return out
