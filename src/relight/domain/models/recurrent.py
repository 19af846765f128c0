"""Recurrent networks: layers that read the steps one after the other, forwards and, where asked for, backwards."""

import torch
from torch import Tensor, nn

from relight.domain.models.masking import last_real, masked_mean, real_steps, turned
from relight.params.sequence_models import Cell, RecurrentParams


class Recurrent(nn.Module):
    """Elman 1990 (rnn), Hochreiter and Schmidhuber 1997 (lstm) or Cho et al. 2014 (gru), in layers.

    The output reads the last state of each direction, and the mean of the states over the real steps. Packed
    sequences would need the lengths on the CPU at each step, and could not be exported: here the layers run over
    the padding, too, which comes after the real steps and so changes none of them. What reads backwards reads
    a sequence whose real steps are turned.

    **Shape**
        - past: (n, length, d_past) float32, lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)
    """

    def __init__(
        self, d_past: int, d_future_total: int, d_out: int, params: RecurrentParams, *, cell: Cell, length: int
    ) -> None:
        super().__init__()
        d_layer = params.d_hidden * (1 + params.bidirectional)
        widths = [d_past, *[d_layer] * (params.n_layers - 1)]
        self.layers = nn.ModuleList(RecurrentLayer(width, params, cell) for width in widths)
        self.dropout = nn.Dropout(params.dropout)
        self.output = nn.Linear(2 * d_layer + d_future_total, d_out)
        self.d_widest = length * max(d_past, 4 * params.d_hidden)  # an LSTM holds four numbers for each unit

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        x = past
        for layer in self.layers:
            x, last = layer(x, lengths)
            x = self.dropout(x)
        mean = masked_mean(x, real_steps(lengths, x.shape[1]))
        out: Tensor = self.output(torch.cat([self.dropout(last), mean, future.flatten(1)], dim=1))
        return out


class RecurrentLayer(nn.Module):
    """**Shape**: (n, length, d_in), (n,) → the states (n, length, d_layer), the last of each direction (n, d_layer)."""

    def __init__(self, d_in: int, params: RecurrentParams, cell: Cell) -> None:
        super().__init__()
        self.forwards = recurrent_layer(cell, d_in, params.d_hidden)
        self.backwards = recurrent_layer(cell, d_in, params.d_hidden) if params.bidirectional else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        states = self.forwards(x)[0]
        last = last_real(states, lengths)
        if self.backwards is None:
            return states, last
        others = self.backwards(turned(x, lengths))[0]
        both = torch.cat([states, turned(others, lengths)], dim=2)
        return both, torch.cat([last, last_real(others, lengths)], dim=1)


def recurrent_layer(cell: Cell, d_in: int, d_hidden: int) -> nn.RNN | nn.LSTM | nn.GRU:
    """One layer in one direction: (n, length, d_in) → (n, length, d_hidden), and the state at the end."""
    match cell:
        case "rnn":
            return nn.RNN(d_in, d_hidden, batch_first=True)
        case "lstm":
            return nn.LSTM(d_in, d_hidden, batch_first=True)
        case "gru":
            return nn.GRU(d_in, d_hidden, batch_first=True)
