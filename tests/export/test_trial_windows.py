from datetime import datetime, timedelta

import numpy as np
import polars as pl

from relight.data.calendar import Cycle, fourier_features
from relight.data.schema import SECONDS_PER_DAY, Frequency, SeriesSchema
from relight.data.series_features import Covariate, OneSeries, SeriesFeatures
from relight.export.series import example_windows, model_windows, real_windows

WEEK = Cycle(name="week", period=7 * SECONDS_PER_DAY, harmonics=1)
VISITS = Covariate(name="visits", mean=50, std=2, known=False)
HOLIDAY = Covariate(name="holiday", mean=0.5, std=0.1, known=True)


def series(*covariates: Covariate, cycles: tuple[Cycle, ...] = (), unit: str = "second") -> SeriesFeatures:
    frequency = Frequency.model_validate({"unit": unit, "every": SECONDS_PER_DAY if unit == "second" else 2})
    known = SeriesSchema(
        time="t", series=None, length=4, horizon=2, step=1, season=7, fill="error", frequency=frequency,
        known=[covariate.name for covariate in covariates if covariate.known],
    )  # fmt: skip
    return SeriesFeatures(
        series_schema=known,
        mean=100,
        scale=5,
        covariates=list(covariates),
        cycles=list(cycles),
        each=[OneSeries(name=None, scale=5, seasonal_error=None, lowest=80)],
    )


def test_made_up_windows_have_a_target_without_gaps_and_covariates_with_some() -> None:
    inputs = example_windows(series(VISITS, HOLIDAY, cycles=(WEEK,)))
    assert {name: (array.shape, array.dtype) for name, array in inputs.items()} == {
        "past": ((64, 4, 3), np.float32),
        "time": ((64, 6), np.int64),
        "known": ((64, 2, 1), np.float32),
    }
    assert not np.isnan(inputs["past"][:, :, 0]).any()
    assert 0.05 < np.isnan(inputs["past"][:, :, 1:]).mean() < 0.15
    assert set(np.diff(inputs["time"]).flatten()) == {SECONDS_PER_DAY * 1_000_000}
    assert inputs["time"][0, 0] == np.datetime64("2000-01-01", "us").astype(np.int64)


def test_whole_numbers_without_waves_need_no_time() -> None:
    assert list(example_windows(series(VISITS, unit="number"))) == ["past"]


def test_real_windows_are_the_rows_before_and_after_an_origin() -> None:
    arrays = {
        "value": np.arange(10, dtype=np.float32),
        "covariates": np.stack([np.arange(10) * 10, np.arange(10) * 100, np.zeros(10)], axis=1).astype(np.float32),
        "origin": np.array([4, 6]),
        "row": np.arange(10)[::-1],
        "first": np.array([0]),
        "series": np.array([0]),
        "offset": np.array([0.0]),
    }
    times = pl.Series([datetime(2024, 1, day) for day in range(10, 0, -1)]).cast(pl.Datetime("us"))
    inputs = real_windows(arrays, times, series(VISITS, HOLIDAY, cycles=(WEEK,)), n_most=1)
    assert inputs["past"].tolist() == [[[k, 10 * k, 100 * k] for k in range(4)]]
    assert inputs["known"].tolist() == [[[400], [500]]]
    first = np.datetime64("2024-01-01", "us").astype(np.int64)
    assert inputs["time"].tolist() == [[first + k * SECONDS_PER_DAY * 1_000_000 for k in range(6)]]


def test_the_model_sees_the_waves_behind_the_numbers() -> None:
    known = series(HOLIDAY, cycles=(WEEK,))
    inputs = example_windows(known)
    past, future = model_windows(inputs, known)
    assert (past.shape, future.shape) == ((64, 4, 4), (64, 2, 3))
    start = datetime(2000, 1, 1)  # the first window's
    expected = fourier_features(
        pl.Series([start + timedelta(days=k) for k in range(6)]).cast(pl.Datetime("us")), known.cycles
    )
    np.testing.assert_allclose(past[0, :, 2:], expected[:4], atol=1e-6)
    np.testing.assert_allclose(future[0, :, 1:], expected[4:], atol=1e-6)
    np.testing.assert_array_equal(past[:, :, :2], inputs["past"])


def test_without_waves_the_model_sees_the_windows_as_they_are() -> None:
    inputs = example_windows(series(VISITS))
    past, future = model_windows(inputs, series(VISITS))
    assert past is inputs["past"]
    assert future.shape == (64, 2, 0)
