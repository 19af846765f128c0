from datetime import datetime, timedelta

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from relight.data.calendar import Cycle, fourier_features
from relight.data.series_features import SeriesFeatures
from relight.export.series import ExportableForecast, FourierFeatures, example_windows, forecast_program, model_windows
from relight.model.networks.forecaster import Forecaster
from tests.export.test_trial_windows import HOLIDAY, VISITS, WEEK, series


class Body(nn.Module):
    """Says of both steps to come the sum of all that it sees."""

    def forward(self, past: Tensor, future: Tensor) -> Tensor:
        return (past.sum(dim=(1, 2)) + future.sum(dim=(1, 2))).unsqueeze(1).expand(-1, 2)


def forecaster(features: SeriesFeatures) -> Forecaster:
    return Forecaster(features, Body(), None).eval()  # type: ignore[arg-type]


def test_waves_are_those_that_prepare_sees_even_far_from_2000() -> None:
    cycles = [Cycle(name="year", period=31_556_952, harmonics=2), WEEK]
    times = pl.Series([datetime(1900, 1, 1) + timedelta(days=997 * k, seconds=k) for k in range(90)])
    times = times.cast(pl.Datetime("us"))
    found = FourierFeatures(cycles)(torch.tensor(times.to_physical().to_numpy()).reshape(9, 10))
    assert (found.shape, found.dtype) == ((9, 10, 6), torch.float32)
    np.testing.assert_allclose(found.reshape(90, 6), fourier_features(times, cycles), atol=1e-5)


def test_waves_of_whole_numbers() -> None:
    found = FourierFeatures([Cycle(name="4", period=4, harmonics=1)])(
        torch.tensor([[0.0, 1, 2, 7]], dtype=torch.float64)
    )
    np.testing.assert_allclose(found[0], [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-6)


def test_the_model_gets_the_windows_that_it_was_trained_on() -> None:
    known = series(VISITS, HOLIDAY, cycles=(WEEK,))
    inputs, model = example_windows(known), forecaster(known)
    expected = model(*map(torch.from_numpy, model_windows(inputs, known)))
    found = ExportableForecast(model)(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    torch.testing.assert_close(found, expected)
    assert found.std() > 1


def test_the_graph_has_the_inputs_that_the_model_reads() -> None:
    for features, names in (
        (series(), ["past"]),
        (series(VISITS, cycles=(WEEK,)), ["past", "time"]),
        (series(HOLIDAY, unit="number"), ["past", "known"]),
    ):
        program = forecast_program(ExportableForecast(forecaster(features)))
        assert list(program.graph_signature.user_inputs) == names
