"""CNN, RNN, LSTM, GRU, masking.

Batch normalisation that does not count padding.

Sequences of unequal lengths in one tensor: which steps are valid, and operations on those only.

A sequence has at least one valid step. Its valid steps come first, and padding follows.

Convolutions over time: blocks, then mean and maximum over the sequence, then a linear output.

Recurrent networks: layers that read the steps one after the other, forwards and optionally backwards.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.model.networks.masking import (
    MaskedBatchNorm,
    last_valid_step,
    masked_max,
    masked_mean,
    reverse_steps,
    step_mask,
)
from relight.model.networks.mlp import Activation, activation_module

Cell = Literal["rnn", "lstm", "gru"]


class Convolution(nn.Module):
    """A fully convolutional network (Wang et al. 2017, "Time Series Classification from Scratch with Deep Neural
    Networks", section 2.2), with mean and maximum over the valid steps, and optional pooling and dropout.

    `dilated` doubles the reach of each block and adds its input to its output, `causal` sees only the past: both
    together are the temporal convolutional network of Bai et al. 2018 (section 3), with one layer in a block.
    A forecast reads the last step, too.

    **Shape**
        - past: (n, length, d_past) float32
        - lengths: (n,) int64, the valid steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)

    Args:
        length: the steps of the past, which say how much memory a row takes.
        horizon: the steps to forecast; 0 if nothing is forecast.
        d_block: the channels of each block.
        kernel: the steps that a convolution spans.
        pool: the steps that each block reduces to their maximum; 1 for no pooling.
    """

    def __init__(
        self,
        d_past: int,
        d_out: int,
        *,
        d_future_total: int,
        length: int,
        horizon: int,
        n_blocks: int,
        d_block: int,
        kernel: int,
        pool: int,
        dropout: float,
        activation: Activation,
        dilated: bool,
        causal: bool,
    ) -> None:
        super().__init__()
        widths = [d_past, *[d_block] * (n_blocks - 1)]
        self.blocks = nn.ModuleList(
            ConvolutionBlock(
                width,
                d_block,
                kernel=kernel,
                dilation=2**index if dilated else 1,
                causal=causal,
                residual=dilated,
                pool=pool,
                dropout=dropout,
                activation=activation,
            )
            for index, width in enumerate(widths)
        )
        self.reads_last = horizon > 0
        self.output = nn.Linear((2 + self.reads_last) * d_block + d_future_total, d_out)
        self.d_widest = length * max(d_past, d_block)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        mask = step_mask(lengths, past.shape[1])
        x = past.transpose(1, 2) * mask.unsqueeze(1)  # (n, d, length)
        for block in self.blocks:
            x, lengths = block(x, lengths)
        steps = x.transpose(1, 2)
        mask = step_mask(lengths, steps.shape[1])
        summary = [masked_mean(steps, mask), masked_max(steps, mask)]
        last = [last_valid_step(steps, lengths)] if self.reads_last else []
        out: Tensor = self.output(torch.cat([*summary, *last, future.flatten(1)], dim=1))
        return out


class ConvolutionBlock(nn.Module):
    """Convolution, batch normalisation, activation, pooling, dropout; zeros at padding, in and out.

    **Shape**: (n, d_in, length), (n,) → (n, d_out, ceil(length / pool)), (n,)

    Args:
        dilation: the distance between neighbouring steps that a convolution reads.
        causal: an output sees only its own step and those before.
        residual: the input is added to the output; it wants a `pool` of 1.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        *,
        kernel: int,
        dilation: int,
        causal: bool,
        residual: bool,
        pool: int,
        dropout: float,
        activation: Activation,
    ) -> None:
        super().__init__()
        reach = (kernel - 1) * dilation
        self.ahead = 0 if causal else reach // 2
        self.back = reach - self.ahead
        self.pool_size = pool
        self.convolution = nn.Conv1d(d_in, d_out, kernel, dilation=dilation)
        self.normalisation = MaskedBatchNorm(d_out)
        self.activation = activation_module(activation)
        self.pool = nn.MaxPool1d(pool, ceil_mode=True) if pool > 1 else None
        self.dropout = nn.Dropout(dropout)
        self.skip = _skip(d_in, d_out) if residual else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        mask = step_mask(lengths, x.shape[2]).unsqueeze(1)  # (n, 1, length)
        out = self.convolution(functional.pad(x, (self.back, self.ahead)))
        out = self.activation(self.normalisation(out, mask.to(x.dtype)))
        if self.pool is not None:
            # a window at the end must not prefer a zero of the padding to a valid step
            out = self.pool(out.masked_fill(~mask, -torch.inf))
            lengths = (lengths + self.pool_size - 1) // self.pool_size
            mask = step_mask(lengths, out.shape[2]).unsqueeze(1)
        out = self.dropout(out.masked_fill(~mask, 0.0))
        return out if self.skip is None else out + self.skip(x), lengths


def _skip(d_in: int, d_out: int) -> nn.Module:
    """The skip connection, without bias because padding must stay zero."""
    return nn.Identity() if d_in == d_out else nn.Conv1d(d_in, d_out, 1, bias=False)


class Recurrent(nn.Module):
    """Elman 1990 (rnn), Hochreiter and Schmidhuber 1997 (lstm) or Cho et al. 2014 (gru), in layers.

    The output reads the last state of each direction, and the mean of the states over the valid steps. Packed
    sequences would need the lengths on the CPU at each step, and could not be exported: here the layers run over
    the padding, too, which comes after the valid steps and so changes none of them. A backward layer reads the
    sequence with its valid steps reversed.

    **Shape**
        - past: (n, length, d_past) float32
        - lengths: (n,) int64, the valid steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)

    Args:
        length: the steps of the past, which say how much memory a row takes.
        d_hidden: the width of the state in each direction.
    """

    def __init__(
        self,
        d_past: int,
        d_out: int,
        *,
        d_future_total: int,
        length: int,
        cell: Cell,
        n_layers: int,
        d_hidden: int,
        bidirectional: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        d_layer = d_hidden * (1 + bidirectional)
        widths = [d_past, *[d_layer] * (n_layers - 1)]
        self.layers = nn.ModuleList(
            RecurrentLayer(width, d_hidden, cell=cell, bidirectional=bidirectional) for width in widths
        )
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * d_layer + d_future_total, d_out)
        self.d_widest = length * max(d_past, 4 * d_hidden)  # an LSTM holds four numbers for each unit

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        x = past
        for layer in self.layers:
            x, last = layer(x, lengths)
            x = self.dropout(x)
        mean = masked_mean(x, step_mask(lengths, x.shape[1]))
        out: Tensor = self.output(torch.cat([self.dropout(last), mean, future.flatten(1)], dim=1))
        return out


class RecurrentLayer(nn.Module):
    """One layer in one direction or in both; d_layer is d_hidden for each direction.

    **Shape**: (n, length, d_in), (n,) → the states (n, length, d_layer), the last of each direction (n, d_layer).
    """

    def __init__(self, d_in: int, d_hidden: int, *, cell: Cell, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = recurrent_layer(cell, d_in, d_hidden)
        self.backwards = recurrent_layer(cell, d_in, d_hidden) if bidirectional else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        states = self.forwards(x)[0]
        last = last_valid_step(states, lengths)
        if self.backwards is None:
            return states, last
        backward_states = self.backwards(reverse_steps(x, lengths))[0]
        both = torch.cat([states, reverse_steps(backward_states, lengths)], dim=2)
        return both, torch.cat([last, last_valid_step(backward_states, lengths)], dim=1)


def recurrent_layer(cell: Cell, d_in: int, d_hidden: int) -> nn.RNN | nn.LSTM | nn.GRU:
    """Return one layer in one direction: (n, length, d_in) → (n, length, d_hidden), and the state at the end."""
    match cell:
        case "rnn":
            return nn.RNN(d_in, d_hidden, batch_first=True)
        case "lstm":
            return nn.LSTM(d_in, d_hidden, batch_first=True)
        case "gru":
            return nn.GRU(d_in, d_hidden, batch_first=True)
