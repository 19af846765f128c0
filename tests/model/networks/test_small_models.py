"""Which small models a series chooses, and what it forecasts with them."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from relight.model.networks.near import near_the_best
from relight.model.networks.small_models import SmallModels
from relight.model.networks.smoothers import FAMILIES
from relight.model.rows import Rows

LENGTH, HORIZON, SEASON = 12, 3, 4


class Series(NamedTuple):
    """All windows of some series."""

    values: list[np.ndarray]

    @property
    def origins(self) -> list[tuple[int, int]]:
        return [(k, o) for k, y in enumerate(self.values) for o in range(LENGTH, len(y) - HORIZON + 1)]

    @property
    def series_number(self) -> torch.Tensor:
        return torch.tensor([k for k, _ in self.origins])

    def pick(self, indices: torch.Tensor) -> Rows:
        chosen = [self.origins[index] for index in indices.tolist()]
        past = np.stack([self.values[k][o - LENGTH : o] for k, o in chosen]).astype(np.float32)
        target = np.stack([self.values[k][o : o + HORIZON] for k, o in chosen]).astype(np.float32)
        return Rows((torch.from_numpy(past).unsqueeze(2),), torch.from_numpy(target))


def fitted(*values: np.ndarray) -> SmallModels:
    model = SmallModels(LENGTH, HORIZON, n_series=len(values), season=SEASON)
    model.fit([Series(list(values))], torch.ones(len(values)), overlap=HORIZON)
    return model


def forecast(model: SmallModels, past: np.ndarray, number: int) -> np.ndarray:
    window = torch.from_numpy(past[-LENGTH:].astype(np.float32)).unsqueeze(0)
    answer: np.ndarray = model(window, torch.tensor([number]))[0].numpy()
    return answer


def test_a_season_goes_on_and_a_season_that_grows_grows() -> None:
    season = np.array([10.0, 30.0, 20.0, 40.0])
    steady, growing = np.tile(season, 15), np.tile(season, 15) * 1.05 ** np.arange(60)
    model = fitted(steady, growing)
    np.testing.assert_allclose(forecast(model, steady, 0), season[:3], rtol=1e-3)
    np.testing.assert_allclose(forecast(model, growing, 1), season[:3] * 1.05 ** np.arange(60, 63), rtol=1e-3)
    assert model.log_share[1] == 1.0
    assert model.families.sum(dim=1).tolist() == pytest.approx([1.0] * 3)
    growth = dict(zip((*FAMILIES, *(f"log {name}" for name in FAMILIES)), model.families[1].tolist(), strict=True))
    assert growth["log seasonal_naive"] > 0.3


def test_what_is_mostly_zero_is_forecast_as_zero() -> None:
    sales = np.zeros(200)
    sales[np.random.default_rng(0).choice(200, 20, replace=False)] = 5.0
    model = fitted(sales)
    assert forecast(model, np.r_[sales, 5.0], 0).tolist() == [0.0, 0.0, 0.0]
    assert model.log_share.tolist() == [0.0, 0.0]


def test_a_window_without_logarithms_is_forecast_by_the_values() -> None:
    growing = np.tile([10.0, 30.0, 20.0, 40.0], 15) * 1.05 ** np.arange(60)
    model = fitted(growing)
    broken = growing[-LENGTH:].copy()
    broken[0] = -1.0
    assert np.isfinite(forecast(model, broken, 0)).all()
    assert forecast(model, broken, 0)[0] > 100


def test_a_series_that_is_not_known_gets_what_all_of_them_like() -> None:
    season = np.array([10.0, 30.0, 20.0, 40.0])
    model = fitted(np.tile(season, 15), np.tile(100 * season, 15), np.tile(season + 7, 3)[:LENGTH])
    np.testing.assert_allclose(forecast(model, np.tile(5 * season, 3), 3), 5 * season[:3], rtol=1e-3)
    np.testing.assert_allclose(forecast(model, np.tile(season, 3), 2), season[:3], rtol=1e-3)  # it had no window


def test_as_near_as_noise_allows_is_chosen_and_never_what_is_far_above_or_not_there() -> None:
    errors = torch.tensor([[1.0, 1.1, 0.9, 2.0, torch.inf], [1.0, 0.9, 1.2, 2.0, 0.0]] * 20, dtype=torch.float64)
    assert near_the_best(errors, most_above=0.5).tolist() == [True, True, False, False, False]
    assert near_the_best(errors, 10.0, most_above=0.5).tolist() == [True, True, True, False, False]
    spike = torch.ones(100, 2, dtype=torch.float64)
    spike[0, 1] = 1e9  # one window of the second explodes
    assert near_the_best(spike, most_above=0.25).tolist() == [True, False]
