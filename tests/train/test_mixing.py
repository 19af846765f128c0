"""What is settled after the last epoch of a forecast."""

from dataclasses import replace

import numpy as np
import torch

from relight.model.networks.autoregression import Autoregression
from relight.model.series import Windows
from relight.train import mixing
from relight.train.mixing import halves, mean_error


def windows(values: np.ndarray, origins: list[int], length: int = 3, horizon: int = 2) -> Windows:
    steps = torch.tensor(values, dtype=torch.float32)
    n = len(origins)
    return Windows(
        steps.unsqueeze(1), steps, torch.tensor(origins), torch.zeros(n, dtype=torch.int64), np.zeros(n), length,
        horizon, n_future=0, scale=torch.ones(n, 1),
    )  # fmt: skip


def test_no_value_is_a_target_of_both_halves() -> None:
    both = windows(np.arange(40.0), [10, 11, 12, 13, 14, 15])
    early, late = halves(both)
    assert (early.origin.tolist(), late.origin.tolist()) == ([10, 11], [13, 14, 15])  # that at 12 forecasts 13, too
    two = replace(both, series_number=torch.tensor([0, 0, 0, 0, 1, 1]))
    early, late = halves(two)
    assert (early.origin.tolist(), late.origin.tolist()) == ([10], [12, 13, 15])


def line() -> Autoregression:
    return Autoregression(3, 2, n_covariates=0, n_future_covariates=0, n_waves=0)


def test_a_last_fit_that_would_be_worse_is_not_made() -> None:
    """The train rows repeat themselves with a period of 2; in the early half there is a leap, in the late half none."""
    steady = np.tile([0.0, 1.0], 60)
    leap = steady.copy()
    leap[66:] += 500
    train, calm, shaken = (windows(y, list(o)) for y, o in (
        (steady, range(3, 50)), (steady, range(60, 100)), (leap, range(60, 100)),
    ))  # fmt: skip
    fresh, kept = line(), line()
    fresh.fit(train, None)
    before = fresh.weight.clone()
    mixing._refit_if_no_worse(fresh, [train, shaken], mixing._nothing, n_reweighted=0)
    assert torch.equal(fresh.weight, before)
    kept.fit(train, None)
    mixing._refit_if_no_worse(kept, [train, calm], mixing._nothing, n_reweighted=0)
    assert mean_error(kept, calm, mixing._nothing) < 1e-3


def test_absolute_errors_are_fitted_whatever_a_few_windows_say() -> None:
    """Nine windows of ten follow the line; the others are far off. Least squares gives way, weights anew do not."""
    generator = np.random.default_rng(0)
    y = generator.normal(size=2000)
    y[3::4] = 0.5 * y[2::4]  # every fourth value is half the one before
    origins = list(range(3, 1990, 4))
    spoiled = y.copy()
    for origin in origins[::10]:
        spoiled[origin] = 100.0
    train = windows(spoiled, origins, horizon=1)
    robust, plain = (Autoregression(3, 1, n_covariates=0, n_future_covariates=0, n_waves=0) for _ in range(2))
    for model in (robust, plain):
        model.chosen[0, 0] = True
    plain.refit([train], mixing._nothing)
    robust.refit([train], mixing._nothing, n_reweighted=20)
    clean = windows(y, origins, horizon=1)
    assert mean_error(robust, clean, mixing._nothing) < 0.2 * mean_error(plain, clean, mixing._nothing)
