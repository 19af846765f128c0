"""After the last epoch of a forecast: who has which share of it, how wide its intervals are, and a last fit.

The shares and the intervals are settled on validation windows that the line and the network have not learned from. The
last fit takes in these windows too, because the steps just before those to come say most about them; it is kept only
if the same fit with the earlier half of them is no worse on the later half.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from relight.model.inference import predict_outputs, prediction_batch_size, set_training_mode
from relight.model.networks.autoregression import Autoregression, Offset
from relight.model.networks.forecaster import LOG_LINEAR, NOMINAL_COVERAGE, SMALL, Forecaster, Mixture, in_units
from relight.model.networks.near import near_the_best
from relight.model.series import Windows, log_windows, preprocess_windows, window_spread

# Shares of the learned part, the small models and the autoregression of the logarithms that are tried
SHARES = (
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.5, 0.5, 0.0),
    (0.5, 0.0, 0.5),
    (0.0, 0.5, 0.5),
    (0.25, 0.5, 0.25),
    (1 / 3, 1 / 3, 1 / 3),
)
MOST_ABOVE, N_DEVIATIONS = 0.25, 2.0  # of the error of the best shares: few windows tell little, and means are safe
MIN_HORIZONS = 2  # of train windows that do not overlap: a line from fewer has learned them by heart
N_REWEIGHTED = 5  # times, to fit absolute instead of squared errors


class Parts(NamedTuple):
    """The train and the validation windows, on one device; the latter None if they are the test windows."""

    train: Windows
    validation: Windows | None


def finish_forecaster(model: Forecaster, parts: Parts, *, absolute: bool, refits: bool) -> None:
    """Settle the shares and the intervals of a forecaster, then fit its lines again.

    Args:
        absolute: whether the loss is of absolute errors, not of their squares.
        refits: whether least squares may undo what the lines have learned; not with a loss of the user's own.
    """
    set_training_mode(model, training=False)
    if model.mixture is not None and refits:
        fit_members(model, model.mixture, parts)
    if parts.validation is None:
        return
    if model.mixture is not None and refits:
        fit_shares(model, model.mixture, parts.validation, parts.train.overlap)
    fit_intervals(model, parts.train, parts.validation)
    if refits:
        refit_lines(model, parts.train, parts.validation, n_reweighted=N_REWEIGHTED if absolute else 0)


def fit_members(model: Forecaster, mixture: Mixture, parts: Parts) -> None:
    """Fit the small models and the autoregression of the logarithms; until it is told, all have the same share."""
    examples = [windows for windows in parts if windows is not None]
    mixture.small_models.fit(examples, model.unit[:-1].cpu(), overlap=parts.train.overlap)
    has_logarithms = all(have_logarithms(windows) for windows in examples)
    if has_logarithms:
        logs = [log_windows(preprocess_windows(model, windows)) for windows in examples]
        mixture.log_autoregression.fit(logs[0], logs[1] if parts.validation else None, overlap=parts.train.overlap)
    few = parts.train.n_rows < MIN_HORIZONS * parts.train.overlap
    mixture.shares[:] = torch.tensor(SHARES[1] if few else SHARES[-1] if has_logarithms else SHARES[3])


def have_logarithms(windows: Windows) -> bool:
    """Return whether all values have logarithms that mean something: none was made smaller by an offset."""
    return bool((windows.steps[:, 0] > 0).all()) and not windows.offset.any()


def fit_shares(model: Forecaster, mixture: Mixture, validation: Windows, overlap: float) -> None:
    """Give each series the mean of the shares that its validation windows cannot tell from the best.

    Args:
        overlap: how many windows see the same value.
    """
    tried = torch.tensor(SHARES, dtype=torch.float64)
    if mixture.shares[0, LOG_LINEAR] == 0:
        tried = tried[tried[:, LOG_LINEAR] == 0]
    if mixture.shares[0, SMALL] == 1:
        tried = tried[tried[:, SMALL] == 1]
    errors = _errors_of_shares(model, mixture, validation, tried)
    observed = errors[:, 0].isfinite()
    errors, series = errors[observed], validation.series_number.cpu()[observed]
    n_series = len(mixture.shares) - 1
    means = [errors[series == number].mean(dim=0) for number in range(n_series) if bool((series == number).any())]
    pooled = _mean_share(tried, torch.stack(means), 1.0) if len(means) > 1 else None
    for number in range(n_series):
        of_series = errors[series == number]
        if len(of_series):
            mixture.shares[number] = _mean_share(tried, of_series, overlap)
        elif pooled is not None:
            mixture.shares[number] = pooled
    mixture.shares[n_series] = mixture.shares[0] if pooled is None else pooled


def _mean_share(tried: Tensor, errors: Tensor, overlap: float) -> Tensor:
    near = near_the_best(errors, overlap, most_above=MOST_ABOVE, n_deviations=N_DEVIATIONS)
    return tried[near].mean(dim=0).float()


def _errors_of_shares(model: Forecaster, mixture: Mixture, windows: Windows, tried: Tensor) -> Tensor:
    """Return the mean absolute error of each window with each of the shares, in units of its series, float64."""
    errors = []
    with torch.inference_mode():
        for start in range(0, windows.n_rows, at_once := prediction_batch_size(model)):
            rows = windows.pick(torch.arange(start, min(start + at_once, windows.n_rows), device=windows.device))
            past, future, series = rows.inputs
            values, scale = past[:, :, 0], model.scale(past[:, :, 0], series)
            scaled = model.scaled(past, future, scale)
            learned = values[:, -1:] + scale * model.network(*scaled)
            members = mixture.members(learned, values, scaled, series).cpu().double()
            mixed = torch.einsum("nmh,sm->nsh", members, tried)
            away = (mixed - rows.target.cpu().double().unsqueeze(1)).abs().nanmean(dim=2)
            errors.append(in_units(away, scale.cpu().double()))
    return torch.cat(errors)


def fit_intervals(model: Forecaster, train: Windows, validation: Windows) -> None:
    """Fit the ends of the intervals by the errors of the validation windows, or by those of the train windows if these
    are larger: a short, quiet stretch for validation makes a forecast too sure of itself."""
    ends = [conformal_offsets(_errors_in_spreads(model, windows), NOMINAL_COVERAGE) for windows in (train, validation)]
    low = torch.from_numpy(np.minimum(ends[0][0], ends[1][0]))
    high = torch.from_numpy(np.maximum(ends[0][1], ends[1][1]))
    has_ends = low.isfinite()
    model.low.copy_(torch.where(has_ends, low, 1.0))
    model.high.copy_(torch.where(has_ends, high, -1.0))


def _errors_in_spreads(model: Forecaster, windows: Windows) -> np.ndarray:
    """Return truth minus forecast, (n_windows, horizon) float64; NaN for a gap, or if all that a window sees is one
    value."""
    errors, spread = windows.target - predict_outputs(model, windows.inputs), window_spread(model, windows)
    return torch.where(spread > 0, errors.double() / spread, torch.nan).cpu().numpy()


def conformal_offsets(errors: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what is added to a forecast for the ends of its interval, (horizon,) each; NaN if there is no error.

    Split conformal prediction with two one-sided ends (Lei et al. 2018, "Distribution-Free Predictive Inference for
    Regression", section 2.2; each end by itself: Romano et al. 2019, "Conformalized Quantile Regression", theorem 2),
    so that the interval is lopsided if the errors are: below the k-th smallest and above the k-th largest error lie
    at most (1 - coverage) / 2 of what comes.

    Args:
        errors: (n_windows, horizon), truth minus forecast; NaN for a gap.
        coverage: the share of the truth that an interval should hold.
    """
    low, high = [], []
    for column in errors.T:
        observed = np.sort(column[np.isfinite(column)])
        n = len(observed)
        rank = min(n, int(np.ceil((n + 1) * (1 + coverage) / 2)))
        high.append(observed[rank - 1] if n else np.nan)
        low.append(observed[n - rank] if n else np.nan)
    return np.array(low), np.array(high)


def refit_lines(model: Forecaster, train: Windows, validation: Windows, *, n_reweighted: int) -> None:
    """Fit the autoregressions to the validation windows as well, if that is no worse in the validation windows."""
    scaled = [preprocess_windows(model, windows) for windows in (train, validation)]
    with torch.no_grad():
        _refit_if_no_worse(model.network.autoregression, scaled, model.network.learned, n_reweighted)
        mixture = model.mixture
        if mixture is not None and bool((mixture.shares[:, LOG_LINEAR] > 0).any()):
            logs = [log_windows(windows) for windows in scaled]
            _refit_if_no_worse(mixture.log_autoregression, logs, _nothing, n_reweighted=0)


def _nothing(past: Tensor, _future: Tensor) -> Tensor:
    return torch.zeros_like(past[:, :1, 0])


def _refit_if_no_worse(line: Autoregression, parts: list[Windows], offset: Offset, n_reweighted: int) -> None:
    train, validation = parts
    early, late = halves(validation)
    if early.n_rows and late.n_rows:
        tried = copy.deepcopy(line)
        tried.refit([train, early], offset, n_reweighted=n_reweighted)
        if mean_error(tried, late, offset) > mean_error(line, late, offset):
            return
    line.refit(parts, offset, n_reweighted=n_reweighted)


def halves(windows: Windows) -> tuple[Windows, Windows]:
    """Return the earlier and the later half of the windows of each series; no value is a target in both."""
    late = torch.zeros(windows.n_rows, dtype=torch.bool, device=windows.device)
    early = torch.zeros_like(late)
    for number in sorted(set(windows.series_number.tolist())):
        of_series = (windows.series_number == number).nonzero().flatten()
        middle = len(of_series) // 2
        late[of_series[middle:]] = True
        early[of_series[:middle]] = (
            windows.origin[of_series[:middle]] + windows.horizon <= windows.origin[of_series[middle]]
        )
    return windows.subset(early), windows.subset(late)


def mean_error(line: Autoregression, windows: Windows, offset: Offset) -> float:
    """Return the mean absolute error of a line and what is added to it, in the units of the windows."""
    rows = windows.whole()
    past, future = rows.inputs[:2]
    return float((line(past, future) + offset(past, future) - rows.target).abs().nanmean())
