"""The linear autoregression of a forecast, by least squares: every network of a forecast starts from it."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)

MIN_LAGS = 2

CHUNK = 1024

MAX_PAST_COVARIATES = 256  # columns: of many covariates only the latest steps are read, because the fit grows with n³

SMALLEST_ERROR = 0.05  # of a window, in units of the series, that weighs more than others

Offset = Callable[[Tensor, Tensor], Tensor]  # past and future → (n, horizon), the part of the forecast that is given


class Examples(Protocol):
    """Windows that can be read some at a time."""

    @property
    def n_rows(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def pick(self, indices: Tensor, /) -> "Example": ...


class Example(Protocol):
    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def target(self) -> Tensor: ...


class Autoregression(nn.Module):
    """The next values from the past ones, from covariates, and from the calendar; values are differences to the last.

    Ridge regression in closed form (Hoerl and Kennard 1970) on standardized inputs, so that a direction in which the
    past hardly varies gets a small weight. The validation windows choose how many steps of the past it reads, and the
    penalty; if they are too few to tell some choices from the best (by one standard error: Breiman et al. 1984,
    "Classification and regression trees", 3.4.3), the mean of these is taken, which is linear, too.
    Its weights are buffers, because no step of the training changes them.

    **Shape**
        - past: (n, length, n_channels), the target first, then the covariates
        - future: (n, horizon, n_future), the covariates that are given ahead, then the waves of the calendar
        - output: (n, horizon)

    Args:
        n_covariates: the covariates of the past.
        n_future_covariates: the last ones of them, which are given for the steps of the horizon, too. Their past is
            read step by step, so that what they added to a value is not taken for its level.
        n_waves: the sines and cosines of the calendar.

    Attributes:
        chosen: (n_pasts, n_penalties) bool: the solutions of which it is the mean; the longest past and the smallest
            penalty first.
    """

    weight: Tensor
    bias: Tensor
    chosen: Tensor

    def __init__(self, length: int, horizon: int, *, n_covariates: int, n_future_covariates: int, n_waves: int) -> None:
        super().__init__()
        self.n_covariates, self.n_future_covariates, self.length = n_covariates, n_future_covariates, length
        n_past = min(length - 1, MAX_PAST_COVARIATES // n_future_covariates) if n_future_covariates else 0
        self.first_paired = length - 1 - n_past  # from this step on a lag stands with the covariates of its step
        d_in = length - 1 + (n_past + horizon) * n_future_covariates + n_covariates + n_waves
        self.register_buffer("weight", torch.zeros(d_in, horizon))
        self.register_buffer("bias", torch.zeros(horizon))
        self.register_buffer("chosen", torch.zeros(len(self._pasts()), len(PENALTIES), dtype=torch.bool))

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return self.design(past, future) @ self.weight + self.bias

    def design(self, past: Tensor, future: Tensor) -> Tensor:
        """Return the design matrix, (n, d_in).

        Of the waves it holds those of the first step only, because the waves of a later step are sums of them.
        """
        latest = past[:, -1, 1 : 1 + self.n_covariates]
        given, waves = future[:, :, : self.n_future_covariates], future[:, 0, self.n_future_covariates :]
        return torch.cat([self._lags(past), latest, given.flatten(1), waves], dim=1)

    def _lags(self, past: Tensor) -> Tensor:
        """Return the past values, each followed by the covariates of its step that are given ahead."""
        first, end = self.first_paired, 1 + self.n_covariates
        lags = past[:, :-1, :1]  # the last one is 0
        known = past[:, first:-1, end - self.n_future_covariates : end]
        return torch.cat([lags[:, :first, 0], torch.cat([lags[:, first:], known], dim=2).flatten(1)], dim=1)

    def fit(self, train: Examples, validation: Examples | None, *, overlap: float = 1.0) -> None:
        """Fit to the train windows by least squares, with the pasts and penalties of the smallest MAE on the
        validation windows; without them with the longest past and the smallest penalty.

        Args:
            overlap: how many windows see the same value.
        """
        solutions = self._solutions(_Sums.of(self, [train]))
        self.chosen.zero_()
        if validation is None:
            self.chosen[0, 0] = True
        else:
            self.chosen.copy_(_Errors.of(self, solutions, validation).near_the_best(overlap).view_as(self.chosen))
        self._take(solutions)

    def refit(self, examples: Sequence[Examples], offset: Offset, *, n_reweighted: int = 0) -> None:
        """Fit to what `offset` leaves of all these windows, with the pasts and penalties already chosen.

        Args:
            n_reweighted: so often the windows are weighted anew by 1 / the error of the fit before, which makes the sum
                of the errors smallest instead of that of their squares (Schlossmacher 1973, "An iterative technique for
                absolute deviations curve fitting").
        """
        self._take(self._solutions(_Sums.of(self, examples, offset)))
        for _ in range(n_reweighted):
            self._take(self._solutions(_Sums.of(self, examples, offset, reweighted=True)))

    def _pasts(self) -> list[int]:
        """Return the numbers of steps to try: all, half of them, and so on."""
        pasts = [self.length]
        while pasts[-1] // 2 >= MIN_LAGS:
            pasts.append(pasts[-1] // 2)
        return pasts

    def _solutions(self, sums: "_Sums") -> list["_Solution"]:
        return [solution for n_lags in self._pasts() for solution in sums.solutions(self._columns(n_lags))]

    def _columns(self, n_lags: int) -> Tensor:
        """Return the indices of the columns of the last lags, and of all columns that belong to no lag."""
        step = self.length - n_lags  # the first that is read
        n_pairs = max(0, step - self.first_paired)
        return torch.arange(step + n_pairs * self.n_future_covariates, len(self.weight))

    def _take(self, solutions: list["_Solution"]) -> None:
        chosen = [solutions[index] for index in self.chosen.flatten().nonzero().flatten().tolist()]
        self.weight.copy_(torch.stack([solution.weight for solution in chosen]).mean(dim=0))
        self.bias.copy_(torch.stack([solution.bias for solution in chosen]).mean(dim=0))


class _Solution(NamedTuple):
    weight: Tensor
    bias: Tensor


class _Sums(NamedTuple):
    """Weighted sums over the windows whose targets are all there, float64; `n` is the sum of the weights."""

    n: float
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor

    @classmethod
    def of(
        cls,
        model: Autoregression,
        examples: Sequence[Examples],
        offset: Offset | None = None,
        *,
        reweighted: bool = False,
    ) -> "_Sums":
        """Sum over all windows.

        Args:
            reweighted: whether a window counts 1 / the error of the model as it is.
        """
        d_in, horizon = model.weight.shape
        n, x, y = 0.0, torch.zeros(d_in, dtype=torch.float64), torch.zeros(horizon, dtype=torch.float64)
        xx, xy = torch.zeros(d_in, d_in, dtype=torch.float64), torch.zeros(d_in, horizon, dtype=torch.float64)
        for inputs, targets in (pair for windows in examples for pair in _pairs(model, windows, offset)):
            whole = targets.isfinite().all(dim=1)
            inputs, targets = inputs[whole], targets[whole]
            weights = _inverse_errors(model, inputs, targets) if reweighted else inputs.new_ones(len(inputs), 1)
            weighted = inputs * weights
            n, x, y = n + float(weights.sum()), x + weighted.sum(0), y + (targets * weights).sum(0)
            xx, xy = xx + weighted.T @ inputs, xy + weighted.T @ targets
        return cls(n, x, y, xx, xy)

    def solutions(self, columns: Tensor) -> Iterator[_Solution]:
        """Solve for each penalty, the smallest first; the weights of other columns than these are 0."""
        n = self.n or 1.0
        mean_x, mean_y = self.x[columns] / n, self.y / n
        covariance_xx = self.xx[columns][:, columns] / n - mean_x.outer(mean_x)
        covariance_xy = self.xy[columns] / n - mean_x.outer(mean_y)
        deviation = covariance_xx.diagonal().clamp(min=0).sqrt()
        scale = torch.where(deviation > 1e-9, deviation, torch.inf)  # a constant column gets the weight 0
        values, vectors = torch.linalg.eigh(covariance_xx / scale.outer(scale))
        rotated = vectors.T @ (covariance_xy / scale[:, None])
        for penalty in PENALTIES:
            weight = (vectors @ (rotated / (values.clamp(min=0) + penalty)[:, None])) / scale[:, None]
            all_weights = torch.zeros(len(self.x), len(mean_y), dtype=torch.float64).index_copy(0, columns, weight)
            yield _Solution(all_weights, mean_y - mean_x @ weight)


def _pairs(model: Autoregression, windows: Examples, offset: Offset | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs, and targets minus the offset, float64 on the CPU."""
    for indices in torch.split(torch.arange(windows.n_rows, device=windows.device), CHUNK):
        rows = windows.pick(indices)
        past, future = rows.inputs[:2]
        targets = rows.target.cpu().double()
        if offset is not None:
            targets = targets - offset(past, future).cpu().double()
        yield model.design(past, future).cpu().double(), targets


def _inverse_errors(model: Autoregression, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return 1 / the mean absolute error of each window, (n, 1), at most 1 / SMALLEST_ERROR."""
    outputs = inputs @ model.weight.cpu().double() + model.bias.cpu().double()
    return 1 / (outputs - targets).abs().mean(dim=1, keepdim=True).clamp(min=SMALLEST_ERROR)


class _Errors(NamedTuple):
    """The errors of each solution on the validation windows that have a target, float64.

    Attributes:
        n: the number of these windows.
        total: (n_solutions,) the sum of the windows' mean absolute errors.
        products: (n_solutions, n_solutions) the sums of the products of the errors of two solutions.
    """

    n: int
    total: Tensor
    products: Tensor

    @classmethod
    def of(cls, model: Autoregression, solutions: list[_Solution], windows: Examples) -> "_Errors":
        """Sum over the windows in one pass, some at a time."""
        weight, bias = (torch.stack(parts) for parts in zip(*solutions, strict=True))
        n, total = 0, torch.zeros(len(solutions), dtype=torch.float64)
        products = torch.zeros(len(solutions), len(solutions), dtype=torch.float64)
        for inputs, targets in _pairs(model, windows):
            outputs = inputs @ weight + bias.unsqueeze(1)  # (n_solutions, n_windows, horizon)
            errors = (outputs - targets).abs().nanmean(dim=2)[:, targets.isfinite().any(dim=1)]
            n, total, products = n + errors.shape[1], total + errors.sum(dim=1), products + errors @ errors.T
        return cls(n, total, products)

    def near_the_best(self, overlap: float) -> Tensor:
        """Return which solutions have an error within one standard error of the smallest, (n_solutions,) bool.

        Args:
            overlap: so many windows count as one for the standard error.
        """
        best, squares = int(self.total.argmin()), self.products.diagonal()
        n = max(self.n, 1)
        above = (self.total - self.total[best]) / n
        variance = (squares - 2 * self.products[best] + squares[best]) / n - above.square()
        near = above <= (variance.clamp(min=0) / max(n / overlap, 1)).sqrt()
        near[best] = True
        return near
