from typing import get_args

import pytest
import torch
from torch import nn

from relight.model.networks.forecasts import Decoder
from relight.model.networks.sequences import Cell

CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
PAST, LENGTHS = torch.tensor([[[0.5], [2.0], [0.0]], [[1.0], [-1.0], [3.0]]]), torch.tensor([2, 3])
FUTURE = torch.tensor([[[1.0], [2], [3]], [[-1], [0], [1]]])
TRUTH = torch.tensor([[10.0, 20, 30], [40, 50, 60]])


def model(teacher_forcing: float, cell: Cell = "rnn") -> Decoder:
    torch.manual_seed(0)
    return Decoder(
        1, 3, d_future_total=3, length=3, cell=cell, d_hidden=4, dropout=0.0, teacher_forcing=teacher_forcing
    )


class Echo(nn.Module):
    """A cell whose state is the value before, and remembers what it read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[list[list[float]]] = []

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        self.read.append(x.tolist())
        return x[:, :1].expand_as(state)


def echoing(teacher_forcing: float) -> tuple[Decoder, Echo]:
    """Each answer is the value before, plus 1."""
    network, echo = model(teacher_forcing), Echo()
    network.cell = echo
    network.output.weight.data[:] = torch.tensor([[1.0, 0, 0, 0]])
    network.output.bias.data[:] = 1.0
    return network, echo


def test_each_step_reads_its_own_answer_before_it_and_its_covariates() -> None:
    network, echo = echoing(1.0)
    # the last real values are 2 and 3
    assert network.eval()(PAST, LENGTHS, FUTURE).tolist() == [[3, 4, 5], [4, 5, 6]]
    assert echo.read == [[[2, 1], [3, -1]], [[3, 2], [4, 0]], [[4, 3], [5, 1]]]


def test_told_the_truth_each_step_reads_the_truth_before_it() -> None:
    network, echo = echoing(1.0)
    assert network.train()(PAST, LENGTHS, FUTURE, TRUTH).tolist() == [[3, 11, 21], [4, 41, 51]]
    assert echo.read == [[[2, 1], [3, -1]], [[10, 2], [40, 0]], [[20, 3], [50, 1]]]


def test_the_truth_changes_nothing_unless_it_trains_with_it() -> None:
    for network in (model(1.0).eval(), model(0.0).train()):
        assert torch.equal(network(PAST, LENGTHS, FUTURE, TRUTH), network(PAST, LENGTHS, FUTURE))
    told = model(1.0).train()
    assert not torch.equal(told(PAST, LENGTHS, FUTURE, TRUTH), told(PAST, LENGTHS, FUTURE))


def test_each_step_of_each_row_is_told_with_the_probability_that_is_asked_for() -> None:
    network, echo = echoing(0.25)
    n = 4000
    network.train()(PAST[1:].expand(n, 3, 1), LENGTHS[1:].expand(n), FUTURE[1:].expand(n, 3, 1), TRUTH[1:].expand(n, 3))
    second, third = (torch.tensor(step)[:, 0] for step in echo.read[1:])
    for step, truth in ((second, 40), (third, 50)):
        assert abs((step == truth).float().mean().item() - 0.25) < 0.03  # 4000 draws: 4 standard deviations
    # the third reads its own answer, which is 5 or, after the truth, 41
    assert set(third.tolist()) == {50, 5, 41}


@pytest.mark.parametrize("cell", get_args(Cell))
def test_the_cell_begins_where_the_encoder_ended(cell: Cell) -> None:
    network = model(0.0, cell).eval()
    assert isinstance(network.cell, CELLS[cell])
    answers = network(PAST[1:], LENGTHS[1:], FUTURE[1:])
    hidden = network.encoder(PAST[1:])[0][:, -1]
    state = (hidden, network.memory(hidden)) if cell == "lstm" else hidden
    before = PAST[1:, -1]
    for step in range(3):
        state = network.cell(torch.cat([before, FUTURE[1:, step]], dim=1), state)
        before = network.output(state[0] if cell == "lstm" else state)
        torch.testing.assert_close(answers[:, step : step + 1], before)


def test_it_says_that_it_wants_the_truth() -> None:
    assert Decoder.wants_truth
