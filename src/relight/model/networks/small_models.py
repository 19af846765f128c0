"""Small models of each series beside the network: exponential smoothing, Theta, naive forecasts, and their means."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from relight.model.networks.near import near_the_best
from relight.model.networks.smoothers import FAMILIES, Smoother, find_smoothers

MOST_ABOVE = 0.1  # of the smallest error, for a small model that is chosen
MAX_WINDOWS = 1000  # the latest of a series choose its small models
CHUNK_NUMBERS = 2**24  # of the forecasts of all smoothers at once
LARGEST_LOGARITHM = 20.0  # a forecast is at most e^20 times the last value


class RawWindows(Protocol):
    """Windows in the target's own unit."""

    @property
    def series_number(self) -> Tensor: ...

    def pick(self, indices: Tensor, /) -> "RawWindow": ...


class RawWindow(Protocol):
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def target(self) -> Tensor: ...


class SmallModels(nn.Module):
    """For each series the mean of the small models that its windows cannot tell from the best.

    A small model is a matrix (`smoothers.py`), so a mean of them is one matrix: of the values, and for a series without
    zeros of their logarithms as well, which makes trend and season multiplicative (the geometric mean of the chosen
    ones). A window with a value that has no logarithm is forecast by the first matrix. Its weights are buffers, because
    no step of the training changes them.

    **Shape**
        - past: (n, length) in the target's own unit, without gaps
        - series: (n,) int64, the number of the series; `n_series` for one that the train rows did not have
        - output: (n, horizon)

    Args:
        n_series: the number of series in the train rows.
        season: the steps of a season; 1 if there is none.

    Attributes:
        level: (n_series + 1, horizon), how much of the last value is added.
        weight: (n_series + 1, length, horizon), of the differences to the last value.
        log_weight: the same, of the differences of the logarithms.
        log_share: (n_series + 1,) the weight of the forecast by logarithms, from 0 to 1.
        families: (n_series + 1, 2 n_families), the share of each family, first of the values, then of the logarithms.
    """

    level: Tensor
    weight: Tensor
    log_weight: Tensor
    log_share: Tensor
    families: Tensor

    def __init__(self, length: int, horizon: int, *, n_series: int, season: int) -> None:
        super().__init__()
        self.season = season
        n_rows = n_series + 1
        self.d_widest = 2 * length * horizon
        self.register_buffer("level", torch.ones(n_rows, horizon))
        self.register_buffer("weight", torch.zeros(n_rows, length, horizon))
        self.register_buffer("log_weight", torch.zeros(n_rows, length, horizon))
        self.register_buffer("log_share", torch.zeros(n_rows))
        self.register_buffer("families", torch.zeros(n_rows, 2 * len(FAMILIES)))

    def forward(self, past: Tensor, series: Tensor) -> Tensor:
        last = past[:, -1:]
        plain = self.level[series] * last + _product(past - last, self.weight[series])
        has_logarithm = (past > 0).all(dim=1, keepdim=True)
        logarithms = torch.where(has_logarithm, past, 1.0).log()
        last_log = logarithms[:, -1:]
        change = _product(logarithms - last_log, self.log_weight[series])
        multiplied = (last_log + change.clamp(-LARGEST_LOGARITHM, LARGEST_LOGARITHM)).exp()
        share = torch.where(has_logarithm, self.log_share[series].unsqueeze(1), 0.0)
        out: Tensor = plain * (1 - share) + multiplied * share
        return out

    def fit(self, examples: Sequence[RawWindows], scale: Tensor, *, overlap: float) -> None:
        """Choose the models of each series by its windows; those of a series without a window by all windows.

        Args:
            examples: windows whose targets are known: the train windows, and the validation windows.
            scale: (n_series,) the unit of each series, in which the errors of all of them count the same.
            overlap: how many windows see the same value.
        """
        n_series, (_, length, horizon) = len(self.weight) - 1, self.weight.shape
        smoothers = _Stacked.of(find_smoothers(length, horizon, self.season))
        errors = [_errors_of_series(smoothers, examples, number) for number in range(n_series)]
        means = [
            each.mean(dim=0) / (unit or 1.0) for each, unit in zip(errors, scale.tolist(), strict=True) if len(each)
        ]
        of_all = near_the_best(torch.stack(means), most_above=MOST_ABOVE) if means else smoothers.naive()
        self._take(n_series, of_all, smoothers)
        for number, each in enumerate(errors):
            chosen = near_the_best(each, overlap, most_above=MOST_ABOVE) if len(each) else of_all
            self._take(number, chosen, smoothers)

    def _take(self, number: int, chosen: Tensor, smoothers: "_Stacked") -> None:
        n = len(smoothers.level)
        plain, logarithmic = chosen[:n], chosen[n:]
        share = logarithmic.sum() / chosen.sum()
        plain = plain if plain.any() else smoothers.naive()[:n]
        self.level[number] = smoothers.level[plain].mean(dim=0)
        self.weight[number] = smoothers.weight[plain].mean(dim=0)
        if share:
            self.log_weight[number] = smoothers.weight[logarithmic].mean(dim=0)
        self.log_share[number] = share
        counts = chosen.double() @ smoothers.is_of_family
        self.families[number] = counts / counts.sum()


def _product(differences: Tensor, weight: Tensor) -> Tensor:
    """(n, length) and (n, length, horizon) → (n, horizon)."""
    return torch.bmm(differences.unsqueeze(1), weight).squeeze(1)


class _Stacked(NamedTuple):
    """All small models.

    Attributes:
        weight: (n, length, horizon) float64.
        level: (n,) float64.
        is_of_family: (2 n, 2 n_families) float64 of 0 and 1.
    """

    weight: Tensor
    level: Tensor
    is_of_family: Tensor

    @classmethod
    def of(cls, smoothers: list[Smoother]) -> "_Stacked":
        numbers = [FAMILIES.index(smoother.family) for smoother in smoothers]
        one = np.eye(len(FAMILIES))[numbers]
        both = np.block([[one, np.zeros_like(one)], [np.zeros_like(one), one]])
        weight = torch.from_numpy(np.stack([smoother.weight for smoother in smoothers]))
        level = torch.tensor([[smoother.level] for smoother in smoothers], dtype=torch.float64)
        return cls(weight, level, torch.from_numpy(both))

    def naive(self) -> Tensor:
        """Return the choice of the naive forecast alone, (2 n,) bool."""
        chosen = torch.zeros(2 * len(self.level), dtype=torch.bool)
        chosen[0] = True
        return chosen

    def forecasts(self, past: Tensor) -> Tensor:
        """Return those of all models, of the values and of the logarithms: (n_windows, 2 n, horizon), NaN for none."""
        last = past[:, -1:]
        plain = torch.einsum("wl,klh->wkh", past - last, self.weight) + (self.level * last.T).T.unsqueeze(2)
        logs = torch.where(past > 0, past, torch.nan).log()
        change = torch.einsum("wl,klh->wkh", logs - logs[:, -1:], self.weight)
        multiplied = (logs[:, -1:, None] + change.clamp(-LARGEST_LOGARITHM, LARGEST_LOGARITHM)).exp()
        has_logarithm = self.level.flatten() > 0  # zero has none
        multiplied = torch.where(has_logarithm[:, None], multiplied, torch.nan)
        return torch.cat([plain, multiplied], dim=1)


def _errors_of_series(smoothers: _Stacked, examples: Sequence[RawWindows], number: int) -> Tensor:
    """Return the mean absolute errors of all models for the latest windows of a series, (n_windows, 2 n) float64.

    A model that cannot forecast all of these windows has infinite errors.
    """
    errors = [torch.empty(0, 2 * len(smoothers.level), dtype=torch.float64)]
    for windows in examples:
        indices = (windows.series_number == number).nonzero().flatten()[-MAX_WINDOWS:]
        at_once = max(1, CHUNK_NUMBERS // (2 * smoothers.weight[:, 0].numel()))
        for some in torch.split(indices, at_once) if len(indices) else ():
            rows = windows.pick(some)
            past, target = rows.inputs[0][:, :, 0].cpu().double(), rows.target.cpu().double()
            errors.append((smoothers.forecasts(past) - target.unsqueeze(1)).abs().nanmean(dim=2))
    every = torch.cat(errors)
    observed = every[every[:, 0].isfinite()]  # a window whose targets are all gaps tells nothing
    return observed[-MAX_WINDOWS:].nan_to_num(nan=torch.inf)
