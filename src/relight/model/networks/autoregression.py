"""The linear autoregression of a forecast, by least squares: what every network of it begins from."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)

FEWEST_LAGS = 2

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
    hardly varies is one that it says little about. Of how many steps of the past it looks at, and of which penalty,
    the validation windows decide; where they are too few to tell some from the best (by one standard error: Breiman et
    al. 1984, "Classification and regression trees", 3.4.3), their mean is taken, which is a line, too.
    It stands in buffers: nothing of it learns by steps.

    **Shape**
        - past: (n, length, n_channels), the target first
        - future: (n, horizon, n_future), the waves of the calendar last
        - output: (n, horizon), what the values differ by from the last one

    Attributes:
        chosen: (n_pasts, n_penalties) bool: what it is the mean of; the longest past and the smallest penalty first.
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
        self.register_buffer("chosen", torch.zeros(len(self._pasts()), len(PENALTIES), dtype=torch.bool))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.design(past, future) @ self.weight + self.bias

    def design(self, past: Tensor, future: Tensor) -> Tensor:
        """(n, d_in). A wave some steps on is a sum of the waves now: those of the first step stand for all."""
        lags = past[:, :-1, 0] - past[:, -1:, 0]
        latest = past[:, -1, 1 : 1 + self.n_covariates]
        return torch.cat([lags, latest, future[:, :, : self.n_known].flatten(1), future[:, 0, self.n_known :]], dim=1)

    def fit(self, train: Examples, validation: Examples | None) -> None:
        """Least squares over the train windows, with those pasts and penalties that the validation windows like best
        (MAE); without them the longest past and the smallest penalty."""
        solutions = self._solutions(_Sums.of(self, [train]))
        self.chosen.zero_()
        if validation is None:
            self.chosen[0, 0] = True
        else:
            self.chosen.copy_(_Errors.of(self, solutions, validation).near_the_best().view_as(self.chosen))
        self._take(solutions)

    def refit(self, examples: Sequence[Examples], said: Said) -> None:
        """The same over all of these windows, with what was chosen, on what another part of the forecast leaves."""
        self._take(self._solutions(_Sums.of(self, examples, said)))

    def _pasts(self) -> list[int]:
        """Of how many steps: all, half of them, and so on."""
        found = [self.length]
        while found[-1] // 2 >= FEWEST_LAGS:
            found.append(found[-1] // 2)
        return found

    def _solutions(self, sums: "_Sums") -> list["_Solution"]:
        return [solution for n_lags in self._pasts() for solution in sums.solutions(self._kept(n_lags))]

    def _kept(self, n_lags: int) -> Tensor:
        """The places of the last lags, and of all that are none."""
        return torch.arange(self.length - n_lags, len(self.weight))

    def _take(self, solutions: list["_Solution"]) -> None:
        taken = [solutions[place] for place in self.chosen.flatten().nonzero().flatten().tolist()]
        self.weight.copy_(torch.stack([solution.weight for solution in taken]).mean(dim=0))
        self.bias.copy_(torch.stack([solution.bias for solution in taken]).mean(dim=0))


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


class _Errors(NamedTuple):
    """Of each solution on the validation windows that have a target, float64.

    Attributes:
        n: windows.
        total: (n_solutions,) the sum of their mean absolute errors.
        products: (n_solutions, n_solutions) the sums of the products of those of two solutions.
    """

    n: int
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, model: Autoregression, solutions: list[_Solution], windows: Examples) -> "_Errors":
        """The windows pass by once, some at a time."""
        weight, bias = (torch.stack(parts) for parts in zip(*solutions, strict=True))
        n, total = 0, torch.zeros(len(solutions), dtype=torch.float64)
        products = torch.zeros(len(solutions), len(solutions), dtype=torch.float64)
        for inputs, targets in _pairs(model, windows):
            said = inputs @ weight + bias.unsqueeze(1)  # (n_solutions, n_windows, horizon)
            off = (said - targets).abs().nanmean(dim=2)[:, targets.isfinite().any(dim=1)]
            n, total, products = n + off.shape[1], total + off.sum(dim=1), products + off @ off.T
        return cls(n, total, products)

    def near_the_best(self) -> Tensor:
        """(n_solutions,) bool: those whose error is less than one standard error above the smallest."""
        best, squares = int(self.total.argmin()), self.products.diagonal()
        n = max(self.n, 1)
        above = (self.total - self.total[best]) / n
        variance = (squares - 2 * self.products[best] + squares[best]) / n - above.square()
        near = above <= (variance.clamp(min=0) / n).sqrt()
        near[best] = True
        return near
