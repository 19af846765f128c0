"""The linear autoregression of a forecast, by least squares: what every network of it begins from."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
FEWEST_LAGS = 4
CHUNK = 1024

Said = Callable[[Tensor, Tensor], Tensor]  # past and future → (n, horizon), what another part of the forecast adds


class Examples(Protocol):
    """Windows, some at a time."""

    @property
    def n_rows(self) -> int: ...

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

    Attributes:
        chosen: (2,) int64: of how many steps of the past it was found best to look at, and of which penalty.
    """

    weight: Tensor
    bias: Tensor
    chosen: Tensor

    def __init__(self, length: int, horizon: int, n_covariates: int, n_known: int, n_waves: int) -> None:
        super().__init__()
        self.n_covariates, self.n_known, self.length = n_covariates, n_known, length
        d_in = length - 1 + n_covariates + horizon * n_known + n_waves
        self.register_buffer("weight", torch.zeros(d_in, horizon))
        self.register_buffer("bias", torch.zeros(horizon))
        self.register_buffer("chosen", torch.tensor([length, 0]))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.design(past, future) @ self.weight + self.bias

    def design(self, past: Tensor, future: Tensor) -> Tensor:
        """(n, d_in). A wave some steps on is a sum of the waves now: those of the first step stand for all."""
        lags = past[:, :-1, 0] - past[:, -1:, 0]
        latest = past[:, -1, 1 : 1 + self.n_covariates]
        return torch.cat([lags, latest, future[:, :, : self.n_known].flatten(1), future[:, 0, self.n_known :]], dim=1)

    def fit(self, train: Examples, validation: Examples | None) -> None:
        """Least squares over the train windows, with as many lags and the penalty that the validation windows like best
        (MAE); without them all lags and the smallest penalty."""
        sums = _Sums.of(self, [train])
        tried = [(n_lags, place) for n_lags in self._lags(validation) for place in range(len(PENALTIES))]
        solutions = [solution for n_lags in self._lags(validation) for solution in sums.solutions(self._kept(n_lags))]
        best = 0 if validation is None else _best(self, solutions, validation)
        self.chosen.copy_(torch.tensor(tried[best]))
        self._take(solutions[best])

    def refit(self, examples: Sequence[Examples], said: Said) -> None:
        """The same over all of these windows, with what was chosen, on what another part of the forecast leaves."""
        n_lags, penalty = self.chosen.tolist()
        self._take(list(_Sums.of(self, examples, said).solutions(self._kept(n_lags)))[penalty])

    def _lags(self, validation: Examples | None) -> list[int]:
        """All, half of them, and so on."""
        found = [self.length]
        while validation is not None and found[-1] // 2 >= FEWEST_LAGS:
            found.append(found[-1] // 2)
        return found

    def _kept(self, n_lags: int) -> Tensor:
        """The places of the last lags, and of all that are none."""
        return torch.arange(self.length - n_lags, len(self.weight))

    def _take(self, solution: "_Solution") -> None:
        self.weight.copy_(solution.weight)
        self.bias.copy_(solution.bias)


class _Solution(NamedTuple):
    weight: Tensor
    bias: Tensor


class _Sums(NamedTuple):
    """Of the windows whose targets are all there, float64."""

    n: int
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor

    @classmethod
    def of(cls, model: Autoregression, examples: Sequence[Examples], said: Said | None = None) -> "_Sums":
        d_in, horizon = model.weight.shape
        n, x, y = 0, torch.zeros(d_in, dtype=torch.float64), torch.zeros(horizon, dtype=torch.float64)
        xx, xy = torch.zeros(d_in, d_in, dtype=torch.float64), torch.zeros(d_in, horizon, dtype=torch.float64)
        for inputs, targets in (pair for windows in examples for pair in _pairs(model, windows, said)):
            whole = targets.isfinite().all(dim=1)
            inputs, targets = inputs[whole], targets[whole]
            n, x, y = n + len(inputs), x + inputs.sum(0), y + targets.sum(0)
            xx, xy = xx + inputs.T @ inputs, xy + inputs.T @ targets
        return cls(n, x, y, xx, xy)

    def solutions(self, kept: Tensor) -> Iterator[_Solution]:
        """One for each penalty, the smallest first; the weights of columns that are not kept are 0."""
        n = max(self.n, 1)
        mean_x, mean_y = self.x[kept] / n, self.y / n
        spread = self.xx[kept][:, kept] / n - mean_x.outer(mean_x)
        together = self.xy[kept] / n - mean_x.outer(mean_y)
        deviation = spread.diagonal().clamp(min=0).sqrt()
        scale = torch.where(deviation > 1e-9, deviation, torch.inf)  # what never varies says nothing
        values, vectors = torch.linalg.eigh(spread / scale.outer(scale))
        turned = vectors.T @ (together / scale[:, None])
        for penalty in PENALTIES:
            found = (vectors @ (turned / (values.clamp(min=0) + penalty)[:, None])) / scale[:, None]
            weight = torch.zeros(len(self.x), len(mean_y), dtype=torch.float64).index_copy(0, kept, found)
            yield _Solution(weight, mean_y - mean_x @ found)


def _pairs(model: Autoregression, windows: Examples, said: Said | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs, and targets without the last value and what is said of them already, float64 on the CPU."""
    for places in torch.split(torch.arange(windows.n_rows, device=windows.device), CHUNK):
        rows = windows.pick(places)
        past, future = rows.inputs[:2]
        left = rows.target.cpu().double() - past[:, -1:, 0].cpu().double()
        if said is not None:
            left = left - said(past, future).cpu().double()
        yield model.design(past, future).cpu().double(), left


def _best(model: Autoregression, solutions: list[_Solution], windows: Examples) -> int:
    """The place of the solution with the smallest mean absolute error. The windows pass by once, some at a time."""
    weight, bias = (torch.stack(parts) for parts in zip(*solutions, strict=True))
    off = torch.zeros(len(solutions), dtype=torch.float64)
    for inputs, targets in _pairs(model, windows):
        said = inputs @ weight + bias.unsqueeze(1)  # (n_solutions, n, horizon)
        off += (said - targets).abs().nansum(dim=(1, 2))
    return int(off.argmin())
