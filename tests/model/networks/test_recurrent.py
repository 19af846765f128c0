from typing import Any, get_args

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from relight.model import params
from relight.model.networks.sequences import Cell, Recurrent

THEIRS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LENGTHS = torch.tensor([2, 6, 1, 4])


def recurrent(d_past: int, d_out: int, **sizes: Any) -> Recurrent:
    plain = {"d_future_total": 0, "length": 6, "n_layers": 1, "bidirectional": True, "dropout": 0.0}
    return Recurrent(d_past, d_out, **plain | sizes)


def test_the_params_offer_these_cells() -> None:
    assert get_args(params.Cell) == get_args(Cell)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("cell", get_args(Cell))
def test_the_states_are_those_of_packed_sequences_in_the_layers_of_torch(
    cell: Cell, n_layers: int, bidirectional: bool
) -> None:
    torch.manual_seed(0)
    ours = recurrent(3, 2, cell=cell, n_layers=n_layers, d_hidden=5, bidirectional=bidirectional)
    theirs = THEIRS[cell](3, 5, num_layers=n_layers, bidirectional=bidirectional, batch_first=True)
    theirs.load_state_dict(_names_of_torch(ours))
    past = torch.randn(4, 6, 3)
    packed, last = theirs(pack_padded_sequence(past, LENGTHS, batch_first=True, enforce_sorted=False))
    states, _ = pad_packed_sequence(packed, batch_first=True)
    hidden = last[0] if cell == "lstm" else last  # (n_layers * n_directions, n, 5)
    at_end = torch.cat(list(hidden[-(1 + bidirectional) :]), dim=1)
    mean = states.sum(dim=1) / LENGTHS.unsqueeze(1)  # torch pads with zeros
    expected = torch.cat([at_end, mean], dim=1) @ ours.output.weight.T + ours.output.bias
    torch.testing.assert_close(ours(past, LENGTHS, torch.zeros(4, 0, 0)), expected)


def _names_of_torch(ours: Recurrent) -> dict[str, torch.Tensor]:
    named = {}
    for k, layer in enumerate(ours.layers):
        for direction, suffix in ((layer.forwards, ""), (layer.backwards, "_reverse")):
            for name, value in direction.state_dict().items() if direction is not None else []:
                named[name.replace("_l0", f"_l{k}") + suffix] = value
    return named


def test_the_future_goes_to_the_output() -> None:
    network = recurrent(1, 1, d_future_total=6, cell="gru", d_hidden=2).eval()
    past, lengths, future = torch.randn(2, 3, 1), torch.tensor([3, 3]), torch.randn(2, 3, 2)
    moved = network(past, lengths, future + 1) - network(past, lengths, future)
    torch.testing.assert_close(moved, network.output.weight[:, -6:].sum().expand(2, 1))


def test_dropout_is_for_training_alone() -> None:
    torch.manual_seed(0)
    network = recurrent(1, 1, cell="rnn", d_hidden=8, dropout=0.5)
    inputs = torch.randn(2, 3, 1), torch.tensor([3, 2]), torch.zeros(2, 0, 0)
    assert not torch.equal(network(*inputs), network(*inputs))
    network.eval()
    assert torch.equal(network(*inputs), network(*inputs))
