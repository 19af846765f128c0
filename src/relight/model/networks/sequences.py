"""CNN, RNN, LSTM, GRU, masking.

Batch normalisation that does not count padding.

Sequences of unequal lengths in one tensor: which steps are real, and what is said of those alone.

A sequence has at least one real step. Its real steps come first, what follows is padding.

Convolutions over time: blocks, then what they found anywhere in the sequence, then a linear output.

Recurrent networks: layers that read the steps one after the other, forwards and, where asked for, backwards.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.model.networks.mlp import activation
from relight.model.params import Cell, ConvolutionParams, RecurrentParams


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe and Szegedy 2015) with mean and variance of the real steps.

    Plain `BatchNorm1d` would count the zeros of the padding, and a sequence's answers in training would depend on
    how long the longest other one is. Without padding it is `BatchNorm1d`.

    **Shape**: x (n, d, length), real (n, 1, length) 1.0 or 0.0; out (n, d, length), anything at padding.
    """

    def forward(self, x: Tensor, real: Tensor) -> Tensor:  # type: ignore[override]
        if not self.training:
            return super().forward(x)
        count = real.sum()
        mean = (x * real).sum(dim=(0, 2)) / count
        centred = (x - mean[:, None]) * real
        variance = centred.square().sum(dim=(0, 2)) / count
        self._remember(mean, variance * count / (count - 1).clamp(min=1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None]

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


def real_steps(lengths: Tensor, length: int) -> Tensor:
    """Which steps are not padding: (n,) → (n, length) bool."""
    return torch.arange(length, device=lengths.device) < lengths.unsqueeze(1)


def masked_mean(x: Tensor, real: Tensor) -> Tensor:
    """The mean over the real steps: (n, length, d) and (n, length) → (n, d)."""
    kept = x * real.unsqueeze(2)
    return kept.sum(dim=1) / real.sum(dim=1, keepdim=True)


def masked_max(x: Tensor, real: Tensor) -> Tensor:
    """The greatest over the real steps: (n, length, d) and (n, length) → (n, d)."""
    return x.masked_fill(~real.unsqueeze(2), -torch.inf).amax(dim=1)


def last_real(x: Tensor, lengths: Tensor) -> Tensor:
    """The last real step: (n, length, d) → (n, d)."""
    return _steps(x, (lengths - 1).unsqueeze(1)).squeeze(1)


def held(x: Tensor, lengths: Tensor, length: int) -> Tensor:
    """The last real step goes on to the end of `length` steps: (n, any, d) → (n, length, d)."""
    places = torch.arange(length, device=x.device)
    return _steps(x, torch.minimum(places, (lengths - 1).unsqueeze(1)))


def turned(x: Tensor, lengths: Tensor) -> Tensor:
    """The real steps from last to first, padding after them: (n, length, d) → the same. Its own inverse there."""
    places = (lengths - 1).unsqueeze(1) - torch.arange(x.shape[1], device=x.device)
    return _steps(x, places.clamp(min=0))


def _steps(x: Tensor, places: Tensor) -> Tensor:
    return x.gather(1, places.unsqueeze(2).expand(-1, -1, x.shape[2]))


class Convolution(nn.Module):
    """A fully convolutional network (Wang et al. 2017, "Time Series Classification from Scratch with Deep Neural
    Networks", section 2.2), with mean and maximum over the real steps, and pooling and dropout where asked for.

    `dilated` doubles the reach of each block and adds its input to its output, `causal` looks at the past alone:
    both together are the temporal convolutional network of Bai et al. 2018 (section 3), with one layer in a block.
    A forecast reads the last step, too.

    **Shape**
        - past: (n, length, d_past) float32, lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)
    """

    def __init__(
        self, d_past: int, d_future_total: int, d_out: int, params: ConvolutionParams, *, length: int, horizon: int
    ) -> None:
        super().__init__()
        widths = [d_past, *[params.d_block] * params.n_blocks]
        self.blocks = nn.ModuleList(ConvolutionBlock(widths[k], params, place=k) for k in range(params.n_blocks))
        self.reads_last = horizon > 0
        self.output = nn.Linear((2 + self.reads_last) * params.d_block + d_future_total, d_out)
        self.d_widest = length * max(d_past, params.d_block)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        real = real_steps(lengths, past.shape[1])
        x = past.transpose(1, 2) * real.unsqueeze(1)  # (n, d, length)
        for block in self.blocks:
            x, lengths = block(x, lengths)
        steps = x.transpose(1, 2)
        real = real_steps(lengths, steps.shape[1])
        found = [masked_mean(steps, real), masked_max(steps, real)]
        last = [last_real(steps, lengths)] if self.reads_last else []
        out: Tensor = self.output(torch.cat([*found, *last, future.flatten(1)], dim=1))
        return out


class ConvolutionBlock(nn.Module):
    """Convolution, batch normalisation, activation, pooling, dropout; zeros at padding, in and out.

    **Shape**: (n, d_in, length), (n,) → (n, d_block, ceil(length / pool)), (n,)
    """

    def __init__(self, d_in: int, params: ConvolutionParams, *, place: int) -> None:
        super().__init__()
        dilation = 2**place if params.dilated else 1
        reach = (params.kernel - 1) * dilation
        self.ahead = 0 if params.causal else reach // 2
        self.back = reach - self.ahead
        self.pool_size = params.pool
        self.convolution = nn.Conv1d(d_in, params.d_block, params.kernel, dilation=dilation)
        self.normalisation = MaskedBatchNorm(params.d_block)
        self.activation = activation(params.activation)
        self.pool = nn.MaxPool1d(params.pool, ceil_mode=True) if params.pool > 1 else None
        self.dropout = nn.Dropout(params.dropout)
        self.skip = _skip(d_in, params.d_block) if params.dilated else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        real = real_steps(lengths, x.shape[2]).unsqueeze(1)  # (n, 1, length)
        out = self.convolution(functional.pad(x, (self.back, self.ahead)))
        out = self.activation(self.normalisation(out, real.to(x.dtype)))
        if self.pool is not None:
            # a window at the end must not prefer a zero of the padding to a real step
            out = self.pool(out.masked_fill(~real, -torch.inf))
            lengths = (lengths + self.pool_size - 1) // self.pool_size
            real = real_steps(lengths, out.shape[2]).unsqueeze(1)
        out = self.dropout(out.masked_fill(~real, 0.0))
        return out if self.skip is None else out + self.skip(x), lengths


def _skip(d_in: int, d_out: int) -> nn.Module:
    """Without bias, for padding stays zero."""
    return nn.Identity() if d_in == d_out else nn.Conv1d(d_in, d_out, 1, bias=False)


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
