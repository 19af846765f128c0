import torch
from torch import Tensor, nn

from relight.model.networks.autoregression import Autoregression
from relight.model.networks.forecaster import Forecast


class Spy(nn.Module):
    """Says 1 for each step ahead, and keeps what it was shown."""

    wants_truth = True

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        self.seen = (past, lengths, future, truth)
        return torch.ones(len(past), 2)


def test_the_answer_is_the_last_value_and_the_line_and_the_gates_share_of_the_network() -> None:
    line = Autoregression(3, 2, n_covariates=0, n_future_covariates=0, n_waves=0)
    line.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
    line.bias.copy_(torch.tensor([0.5, 0.0]))
    spy = Spy()
    model = Forecast(line, spy, d_window=3, horizon=2)
    past = torch.tensor([[[1.0], [3.0], [7.0]]])
    # differences to the last value: -6 and -4
    assert model(past, torch.empty(1, 2, 0)).tolist() == [[7 - 6 + 0.5, 7 - 8]]
    model.gate.data = torch.tensor([0.25, 1.0])
    assert model(past, torch.empty(1, 2, 0), torch.tensor([[8.0, torch.nan]])).tolist() == [[1.75, 0.0]]
    seen_past, lengths, _, truth = spy.seen
    assert (seen_past.flatten().tolist(), lengths.tolist()) == ([-6.0, -4.0, 0.0], [3])
    assert truth is not None
    assert truth.tolist() == [[1.0, 0.0]]  # a gap in the truth is told as no change


def test_a_level_that_was_never_seen_changes_the_answer_by_the_level_alone() -> None:
    torch.manual_seed(0)
    line = Autoregression(3, 2, n_covariates=0, n_future_covariates=0, n_waves=0)
    line.weight.copy_(torch.randn(2, 2))
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    network.forward = lambda past, _lengths, _future: network[1](past.flatten(1))  # type: ignore[method-assign]
    model = Forecast(line, network, d_window=3, horizon=2)
    model.gate.data.fill_(1.0)
    past, nothing = torch.randn(4, 3, 1), torch.empty(4, 2, 0)
    torch.testing.assert_close(model(past + 1000, nothing), model(past, nothing) + 1000, atol=1e-3, rtol=0)
