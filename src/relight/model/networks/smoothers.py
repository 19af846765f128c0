"""Small forecasting methods as weights of the past: exponential smoothing, Theta, naive forecasts.

Each of them, with fixed parameters, is linear in the values of a window, from the first states to the last step ahead.
So a method is a matrix, all of a grid are computed for all windows by one product, and a mean of methods is one matrix.
Applied to logarithms, they are the multiplicative ones.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

FAMILIES = (
    "naive",
    "seasonal_naive",
    "mean",
    "zero",
    "simple_smoothing",
    "damped_trend",
    "holt_winters",
    "theta",
)
LEVEL_RATES = (0.05, 0.15, 0.3, 0.5, 0.75, 1.0)
# The rate of the trend, and how much of it is left a step on
TRENDS = ((0.0, 1.0), (0.1, 0.9), (0.1, 0.98), (0.3, 0.9))
SEASON_RATES = (0.0, 0.1, 0.3, 0.6)
THETA_RATES = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
CHANGE_SHARES = (0.5, 1.0)  # of the change from a season to the next
N_FIRST_VALUES = 4  # that give the first level and trend of a series without a season


class Smoother(NamedTuple):
    """A method with its parameters.

    Attributes:
        weight: (length, horizon), of the differences of the past values to the last one.
        level: how much of the last value is added: 1, or 0 for the forecast of zero.
    """

    family: str
    weight: np.ndarray
    level: float = 1.0


def find_smoothers(length: int, horizon: int, season: int) -> list[Smoother]:
    """Return the methods that a window of `length` steps can be forecast with; always in the same order."""
    shape = (length, horizon)
    found = [Smoother("naive", np.zeros(shape)), Smoother("mean", np.full(shape, 1 / length))]
    found.append(Smoother("zero", np.zeros(shape), level=0.0))
    found += _holt_winters(length, horizon, 1, season_rate=0.0)
    found += _theta(length, horizon)
    if 1 < season <= length:
        found += _seasonal_naive(length, horizon, season)
    if 1 < season <= length // 2:
        for rate in SEASON_RATES:
            found += _holt_winters(length, horizon, season, season_rate=rate)
    return found


class _States(NamedTuple):
    """Level, trend and seasons of several methods as weights of the values of a window.

    Attributes:
        level, trend: (n_methods, length).
        seasons: (season, n_methods, length); zeros without a season.
    """

    level: np.ndarray
    trend: np.ndarray
    seasons: np.ndarray


def _holt_winters(length: int, horizon: int, season: int, *, season_rate: float) -> Iterator[Smoother]:
    """Yield additive exponential smoothing with a damped trend, for each rate of level and trend.

    Holt 1957; Winters 1960; the damped trend: Gardner and McKenzie 1985, "Forecasting trends in time series".
    """
    rates = [(level, trend, left) for level in LEVEL_RATES for trend, left in TRENDS]
    level_rate, trend_rate, left = (np.array(column)[:, None] for column in zip(*rates, strict=True))
    values, states = np.eye(length), _first_states(length, season, has_trend=trend_rate > 0)
    level, trend, seasons = states
    for step in range(length):
        of_season = seasons[step % season].copy()
        expected = level + left * trend
        new_level = level_rate * (values[step] - of_season) + (1 - level_rate) * expected
        trend = trend_rate * (new_level - level) + (1 - trend_rate) * left * trend
        if season > 1:
            seasons[step % season] = season_rate * (values[step] - new_level) + (1 - season_rate) * of_season
        level = new_level
    ahead = np.cumsum(left ** np.arange(1, horizon + 1), axis=1)  # (n_methods, horizon)
    of_step = np.stack([seasons[(length + step) % season] for step in range(horizon)], axis=2)
    weights = level[:, :, None] + trend[:, :, None] * ahead[:, None, :] + of_step
    for (_, rate, _), weight in zip(rates, weights, strict=True):
        smoothing = "damped_trend" if rate > 0 else "simple_smoothing"
        yield Smoother("holt_winters" if season > 1 else smoothing, weight)


def _first_states(length: int, season: int, *, has_trend: np.ndarray) -> _States:
    """Return states from which the first value is expected: of the first two seasons, or of the first values.

    Args:
        has_trend: (n_methods, 1) bool.
    """
    values = np.eye(length)
    if season > 1:
        whole = values[: length // season * season].reshape(-1, season, length)
        means = whole.mean(axis=1)
        trend, back = (means[1] - means[0]) / season, (season + 1) / 2
        seasons = (whole - means[:, None]).mean(axis=0)
        level = means[0]
    else:
        last = min(N_FIRST_VALUES, length - 1)
        trend, back = (values[last] - values[0]) / max(last, 1), 1.0
        seasons, level = np.zeros((1, length)), values[0]
    trends = np.where(has_trend, trend, 0.0)
    without = values[:N_FIRST_VALUES].mean(axis=0) if season == 1 else level
    levels = np.where(has_trend, level - back * trend, without)
    return _States(levels, trends, np.repeat(seasons[:, None], len(has_trend), axis=1))


def _theta(length: int, horizon: int) -> Iterator[Smoother]:
    """Yield simple smoothing plus half the slope of the window, for each rate.

    Assimakopoulos and Nikolopoulos 2000, "The theta model"; in this form Hyndman and Billah 2003, "Unmasking the Theta
    method", equation 9.
    """
    steps = np.arange(length) - (length - 1) / 2
    slope = steps / max(float((steps**2).sum()), 1.0)
    for rate in THETA_RATES:
        smoothing = rate * (1 - rate) ** np.arange(length)[::-1]
        smoothing[0] += 1 - smoothing.sum()  # the first value is the first level
        drift = 0.5 * (np.arange(horizon) + 1 / rate)
        yield Smoother("theta", smoothing[:, None] + slope[:, None] * drift)


def _seasonal_naive(length: int, horizon: int, season: int) -> Iterator[Smoother]:
    """Yield the values a season ago; and with a share of the mean change since the season before, if it is there."""
    values = np.eye(length)
    repeated = np.stack([values[length - season + step % season] for step in range(horizon)], axis=1)
    yield Smoother("seasonal_naive", repeated)
    n_changes = min(season, length - season)
    if n_changes < 1:
        return
    latest, before = values[length - n_changes :], values[length - n_changes - season : length - season]
    change = latest.mean(axis=0) - before.mean(axis=0)
    for share in CHANGE_SHARES:
        yield Smoother("seasonal_naive", repeated + share * change[:, None])
    yield Smoother("seasonal_naive", repeated + (values[-1] - values[-1 - season])[:, None])
