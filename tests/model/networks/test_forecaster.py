import numpy as np
import pytest
import torch
from torch import Tensor, nn

from relight.data.series_features import OneSeries
from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Forecast, Forecaster, forecast_intervals
from tests.export.test_trial_windows import series as features_of


class Spy(nn.Module):
    """Says 1 for each step ahead, and keeps what it was shown."""

    wants_truth = True

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        self.seen = (past, lengths, future, truth)
        return torch.ones(len(past), 2)


def line_of(length: int) -> Autoregression:
    return Autoregression(length, 2, n_covariates=0, n_future_covariates=0, n_waves=0)


def test_the_answer_is_the_line_and_the_gates_share_of_the_network() -> None:
    line = line_of(3)
    line.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    line.bias.copy_(torch.tensor([0.5, 0.0]))
    spy = Spy()
    model = Forecast(line, spy, d_window=3, horizon=2)
    past = torch.tensor([[[-6.0], [-4.0], [0.0]]])  # differences to the last value
    assert model(past, torch.empty(1, 2, 0)).tolist() == [[-6 + 0.5, -8]]
    model.gate.data = torch.tensor([0.25, 1.0])
    assert model(past, torch.empty(1, 2, 0), torch.tensor([[1.0, torch.nan]])).tolist() == [[-5.25, -7.0]]
    seen_past, lengths, _, truth = spy.seen
    assert (seen_past.flatten().tolist(), lengths.tolist()) == ([-6.0, -4.0, 0.0], [3])
    assert truth is not None
    assert truth.tolist() == [[1.0, 0.0]]  # a gap in the truth is told as no change


def forecaster(*each: OneSeries) -> Forecaster:
    """Of four steps, with random weights of the line."""
    features = features_of().model_copy(update={"each": list(each)})
    torch.manual_seed(0)
    line = line_of(4)
    line.weight.copy_(torch.randn(3, 2))
    return Forecaster(features, Forecast(line, Spy(), d_window=4, horizon=2), None).eval()


def one(name: str, scale: float, lowest: float = -1.0) -> OneSeries:
    return OneSeries(name=name, scale=scale, seasonal_error=None, lowest=lowest)


def test_a_series_that_is_a_million_times_as_large_is_forecast_a_million_times_as_large() -> None:
    model = forecaster(one("small", 1.0), one("large", 1e6))
    past, nothing = torch.randn(5, 4, 1), torch.empty(5, 2, 0)
    small = model(past, nothing, torch.zeros(5, dtype=torch.int64))
    torch.testing.assert_close(model(1e6 * past, nothing, torch.ones(5, dtype=torch.int64)), 1e6 * small)
    torch.testing.assert_close(model(past + 1000, nothing, torch.zeros(5, dtype=torch.int64)), small + 1000)


def test_a_series_that_the_train_rows_did_not_have_is_measured_by_its_window() -> None:
    model = forecaster(one("known", 3.0))
    past = torch.tensor([[[0.0], [1.0], [3.0], [2.0]]])  # differences 1, 2, -1
    known, unknown = (torch.tensor([number]) for number in (0, 1))
    assert model.scale(past[:, :, 0], known).item() == 3.0
    assert model.scale(past[:, :, 0], unknown).item() == pytest.approx(np.sqrt(2))
    assert model.spread(past[:, :, 0], known).item() == pytest.approx(np.sqrt(3 * np.sqrt(2)))
    flat = torch.full((1, 4, 1), 5.0)
    assert model(flat, torch.empty(1, 2, 0), unknown).tolist() == [[5.0, 5.0]]  # whatever the line says


def test_nothing_is_below_zero_if_no_train_value_is() -> None:
    model = forecaster(one("sales", 10.0, lowest=0.0), one("heat", 10.0))
    model.network.autoregression.bias.copy_(torch.tensor([-50.0, 50.0]))
    past, nothing = torch.tensor([[[3.0], [2.0], [3.0], [2.0]]]).repeat(2, 1, 1), torch.empty(2, 2, 0)
    numbers = torch.tensor([0, 1])
    said = model(past, nothing, numbers)
    assert said[0, 0].item() == 0.0
    assert said[1, 0].item() < 0.0
    model.low.copy_(torch.tensor([-2.0, 1.0]))
    model.high.copy_(torch.tensor([3.0, -1.0]))  # none for the second step
    ends = forecast_intervals(model, np.array([[4.0, 4.0]] * 2), np.array([[5.0], [5.0]]), numbers.numpy())
    np.testing.assert_array_equal(ends[:, :, 0], [[0.0, -6.0], [19.0, 19.0]])
    assert np.isnan(ends[:, :, 1]).all()
