"""Small models as matrices, against the recursions of their papers."""

import numpy as np
import pytest

from relight.model.networks.smoothers import FAMILIES, Smoother, find_smoothers

LENGTH, HORIZON, SEASON = 24, 6, 4
VALUES = np.random.default_rng(0).normal(size=LENGTH).cumsum() + 5


def forecasts(family: str) -> list[np.ndarray]:
    return [
        VALUES[-1] * smoother.level + (VALUES - VALUES[-1]) @ smoother.weight
        for smoother in find_smoothers(LENGTH, HORIZON, SEASON)
        if smoother.family == family
    ]


def is_among(expected: np.ndarray, family: str) -> bool:
    return any(np.allclose(expected, found) for found in forecasts(family))


@pytest.mark.parametrize("rate", [0.05, 0.3, 1.0])
def test_simple_smoothing_is_the_recursion_from_the_mean_of_the_first_values(rate: float) -> None:
    level = VALUES[:4].mean()
    for value in VALUES:
        level = rate * value + (1 - rate) * level
    assert is_among(np.full(HORIZON, level), "simple_smoothing")


@pytest.mark.parametrize(("rate", "trend_rate", "left"), [(0.3, 0.1, 0.9), (0.75, 0.3, 0.9), (0.5, 0.1, 0.98)])
def test_a_damped_trend_is_the_recursion_of_gardner_and_mckenzie(rate: float, trend_rate: float, left: float) -> None:
    trend = (VALUES[4] - VALUES[0]) / 4
    level = VALUES[0] - trend
    for value in VALUES:
        before = level
        level = rate * value + (1 - rate) * (level + left * trend)
        trend = trend_rate * (level - before) + (1 - trend_rate) * left * trend
    expected = [level + trend * sum(left**k for k in range(1, ahead + 1)) for ahead in range(1, HORIZON + 1)]
    assert is_among(np.array(expected), "damped_trend")


def test_a_season_is_the_recursion_of_winters() -> None:
    rate, trend_rate, left, season_rate = 0.3, 0.1, 0.98, 0.3
    whole = VALUES.reshape(-1, SEASON)
    trend = (whole[1].mean() - whole[0].mean()) / SEASON
    level = whole[0].mean() - trend * (SEASON + 1) / 2
    seasons = list((whole - whole.mean(axis=1, keepdims=True)).mean(axis=0))
    for step, value in enumerate(VALUES):
        before, of_season = level, seasons[step % SEASON]
        level = rate * (value - of_season) + (1 - rate) * (level + left * trend)
        trend = trend_rate * (level - before) + (1 - trend_rate) * left * trend
        seasons[step % SEASON] = season_rate * (value - level) + (1 - season_rate) * of_season
    expected = [
        level + trend * sum(left**k for k in range(1, ahead + 1)) + seasons[(LENGTH + ahead - 1) % SEASON]
        for ahead in range(1, HORIZON + 1)
    ]
    assert is_among(np.array(expected), "holt_winters")


def test_theta_is_smoothing_with_half_the_slope() -> None:
    rate = 0.35
    level = VALUES[0]
    for value in VALUES:
        level = rate * value + (1 - rate) * level
    slope = np.polyfit(np.arange(LENGTH), VALUES, 1)[0]
    assert is_among(level + slope / 2 * (np.arange(HORIZON) + 1 / rate), "theta")


def test_naive_forecasts() -> None:
    repeated = np.tile(VALUES[-SEASON:], 2)[:HORIZON]
    change = VALUES[-SEASON:].mean() - VALUES[-2 * SEASON : -SEASON].mean()
    assert is_among(np.full(HORIZON, VALUES[-1]), "naive")
    assert is_among(np.full(HORIZON, VALUES.mean()), "mean")
    assert is_among(np.zeros(HORIZON), "zero")
    assert is_among(repeated, "seasonal_naive")
    assert is_among(repeated + change, "seasonal_naive")
    assert is_among(repeated + change / 2, "seasonal_naive")


def test_a_level_is_kept_by_all_but_zero() -> None:
    for smoother in find_smoothers(LENGTH, HORIZON, SEASON):
        if smoother.family not in ("naive", "zero"):
            np.testing.assert_allclose(smoother.weight.sum(axis=0), 1, atol=1e-9)


@pytest.mark.parametrize(
    ("length", "season", "missing"),
    [(1, 1, {"seasonal_naive", "holt_winters"}), (5, 4, {"holt_winters"}), (3, 4, {"seasonal_naive", "holt_winters"})],
)
def test_a_short_window_has_fewer_of_them_and_each_is_finite(length: int, season: int, missing: set[str]) -> None:
    found: list[Smoother] = find_smoothers(length, 2, season)
    assert set(FAMILIES) - {smoother.family for smoother in found} == missing
    assert all(np.isfinite(smoother.weight).all() for smoother in found)
