"""Remarks on forecasts, by hand."""

import numpy as np
import polars as pl
import pytest
import torch

from relight.data.schema import Frequency, SeriesSchema
from relight.data.series_features import OneSeries, SeriesFeatures
from relight.evaluate.series import WindowPredictions, scores_by_series
from relight.evaluate.series_notes import forecast_members, forecast_remarks, is_off
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Mixture
from relight.model.networks.small_models import SmallModels
from relight.model.networks.smoothers import FAMILIES


def features(*units: float) -> SeriesFeatures:
    schema = SeriesSchema(
        time="t", series="shop", length=4, horizon=2, step=1, season=7, fill="forward", known=[],
        frequency=Frequency(unit="number", every=1),
    )  # fmt: skip
    each = [OneSeries(name=f"s{k}", scale=unit, seasonal_error=None, lowest=0) for k, unit in enumerate(units)]
    return SeriesFeatures(series_schema=schema, mean=1, scale=1, each=each, covariates=[], cycles=[])


def scores(worse: int, of: int = 8) -> pl.DataFrame:
    mae = [1.2] * worse + [1.05] * (of - worse)
    return pl.DataFrame({"series": [f"s{k}" for k in range(of)], "mae": mae, "naive_mae": [1.0] * of})


def test_series_of_other_sizes_are_said_and_one_of_no_change_is_none_of_them() -> None:
    (said,) = forecast_remarks(features(2.0, 0.0, 50.0), scores(0), None, n_apart=1)
    assert said.startswith("The changes of the largest series are 25 times those of the smallest: MAE and RMSE")
    assert forecast_remarks(features(2.0, 0.0, 20.0), scores(0), None, n_apart=1) == []


def test_series_that_a_naive_forecast_beats_by_a_tenth_are_named() -> None:
    (said,) = forecast_remarks(features(1.0), scores(7), None, n_apart=1)
    assert said == (
        "7 of 8 series are forecast worse than by repeating their last season: 's0', 's1', 's2', 's3', 's4' and 2 more."
    )


@pytest.mark.parametrize(
    ("coverage", "n_apart", "off"), [(0.7, 60, False), (0.7, 70, True), (0.9, 70, True), (0.1, 1, False)]
)
def test_a_coverage_is_off_beyond_twice_its_noise(coverage: float, n_apart: float, off: bool) -> None:
    # sqrt(0.8 * 0.2 / 64) is 0.05
    assert is_off(coverage, n_apart) is off
    said = forecast_remarks(features(1.0), scores(0), coverage, n_apart=n_apart)
    words = "less" if coverage < 0.8 else "more"
    expected = (
        f"The intervals hold {coverage:.0%} of the test values instead of 80%: the test rows are {words} regular "
        "than the train and validation rows were."
    )
    assert said == ([expected] if off else [])


def test_who_makes_a_forecast_is_said_by_shares() -> None:
    mixture = Mixture(
        SmallModels(4, 2, n_series=1, season=1),
        Autoregression(4, 2, n_covariates=0, n_future_covariates=0, n_waves=0),
        n_series=1,
    )
    assert forecast_members(None, 0) == forecast_members(mixture, 0) == "100 % network and line"
    mixture.shares[0] = torch.tensor([0.25, 0.5, 0.25])
    mixture.small_models.families[0, FAMILIES.index("theta")] = 0.8
    mixture.small_models.families[0, len(FAMILIES) + FAMILIES.index("holt_winters")] = 0.2
    assert forecast_members(mixture, 0) == (
        "40 % theta, 25 % network and line, 25 % line of the logarithms, 10 % holt winters of the logarithms"
    )


def column(*numbers: float) -> np.ndarray:
    return np.array(numbers)[:, None]


def test_each_series_is_scored_by_its_own_unit_beside_its_own_naive_forecast() -> None:
    target = np.array([[10.0], [1000.0], [5.0]])
    test = WindowPredictions(
        target,
        {
            "model": target + column(1.0, 50.0, 0.0),
            "naive": target + 8,
            "seasonal_naive": target + column(2.0, 100.0, 0.0),
        },
        np.stack([target - 2, target + column(0.5, 100.0, 0.0)]) + column(1.0, 0.0, 0.0),
        np.array([[4.0], [200.0], [np.nan]]),
    )
    table = scores_by_series(test, pl.Series(["a", "b", "c"]), lambda number: f"by {number}", np.array([0, 1, 2]))
    assert table.select("series", "windows", "mae", "mase", "naive_mae", "forecast_by").rows() == [
        ("a", 1, 1.0, 0.25, 2.0, "by 0"),
        ("b", 1, 50.0, 0.25, 100.0, "by 1"),
        ("c", 1, 0.0, None, 0.0, "by 2"),
    ]
    assert table["coverage_80"].to_list() == [1.0, 1.0, 1.0]
