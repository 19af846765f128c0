"""The linear autoregression of a forecast, by least squares: what every network of it begins from."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
CHUNK = 4096


class Examples(Protocol):
    """Windows, some at a time."""

    def __len__(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def pick(self, places: Tensor) -> "Example": ...


class Example(Protocol):
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def target(self) -> Tensor: ...


class Autoregression(nn.Module):
    """The next values from the differences of the past ones to the last, from covariates, and from the calendar.

    Ridge regression in closed form (Hoerl and Kennard 1970) on standardized inputs: a direction in which the past
    hardly varies is one that it says little about. It stands in buffers: nothing of it learns by steps.

    **Shape**
        - past: (n, length, n_channels), the target first
        - future: (n, horizon, n_future), the waves of the calendar last
        - output: (n, horizon), what the values differ by from the last one
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, length: int, horizon: int, n_covariates: int, n_known: int, n_waves: int) -> None:
        super().__init__()
        self.n_covariates, self.n_known = n_covariates, n_known
        d_in = length - 1 + n_covariates + horizon * n_known + n_waves
        self.register_buffer("weight", torch.zeros(d_in, horizon))
        self.register_buffer("bias", torch.zeros(horizon))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.design(past, future) @ self.weight + self.bias

    def design(self, past: Tensor, future: Tensor) -> Tensor:
        """(n, d_in). A wave some steps on is a sum of the waves now: those of the first step stand for all."""
        lags = past[:, :-1, 0] - past[:, -1:, 0]
        latest = past[:, -1, 1 : 1 + self.n_covariates]
        return torch.cat([lags, latest, future[:, :, : self.n_known].flatten(1), future[:, 0, self.n_known :]], dim=1)

    def fit(self, train: Examples, validation: Examples | None) -> None:
        """Least squares over the train windows; the penalty that the validation windows like best (MAE)."""
        sums = _Sums.of(self, train)
        solutions = list(sums.solutions())
        best = solutions[0] if validation is None else min(solutions, key=lambda each: _error(self, each, validation))
        self.weight.copy_(best.weight)
        self.bias.copy_(best.bias)


class _Solution(NamedTuple):
    weight: Tensor
    bias: Tensor


class _Sums(NamedTuple):
    """Of the train windows whose targets are all there, float64."""

    n: int
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor

    @classmethod
    def of(cls, model: Autoregression, windows: Examples) -> "_Sums":
        d_in, horizon = model.weight.shape
        n, x, y = 0, torch.zeros(d_in, dtype=torch.float64), torch.zeros(horizon, dtype=torch.float64)
        xx, xy = torch.zeros(d_in, d_in, dtype=torch.float64), torch.zeros(d_in, horizon, dtype=torch.float64)
        for inputs, targets in _pairs(model, windows):
            whole = targets.isfinite().all(dim=1)
            inputs, targets = inputs[whole], targets[whole]
            n, x, y = n + len(inputs), x + inputs.sum(0), y + targets.sum(0)
            xx, xy = xx + inputs.T @ inputs, xy + inputs.T @ targets
        return cls(n, x, y, xx, xy)

    def solutions(self) -> Iterator[_Solution]:
        """One for each penalty, the smallest first."""
        n = max(self.n, 1)
        mean_x, mean_y = self.x / n, self.y / n
        spread = self.xx / n - mean_x.outer(mean_x)
        together = self.xy / n - mean_x.outer(mean_y)
        deviation = spread.diagonal().clamp(min=0).sqrt()
        scale = torch.where(deviation > 1e-9, deviation, torch.inf)  # what never varies says nothing
        values, vectors = torch.linalg.eigh(spread / scale.outer(scale))
        turned = vectors.T @ (together / scale[:, None])
        for penalty in PENALTIES:
            weight = (vectors @ (turned / (values.clamp(min=0) + penalty)[:, None])) / scale[:, None]
            yield _Solution(weight, mean_y - mean_x @ weight)


def _pairs(model: Autoregression, windows: Examples) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, and targets without the last value, float64 on the CPU."""
    for places in torch.split(torch.arange(len(windows), device=windows.device), CHUNK):
        rows = windows.pick(places)
        past, future = rows.inputs[:2]
        last = past[:, -1:, 0].cpu().double()
        yield model.design(past, future).cpu().double(), rows.target.cpu().double() - last


def _error(model: Autoregression, solution: _Solution, windows: Examples) -> float:
    off = [(inputs @ solution.weight + solution.bias - targets).abs() for inputs, targets in _pairs(model, windows)]
    return torch.cat(off).nanmean().item() if off else 0.0
