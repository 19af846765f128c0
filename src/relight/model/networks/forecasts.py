"""Decoder, DLinear, PatchTST.

An encoder that reads the past, and a decoder that predicts the future one step after the other.

DLinear: a linear layer for the trend, one for the rest.

Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4.2.

A transformer whose tokens are patches of time.

Nie et al. 2023, "A Time Series is Worth 64 Words" (PatchTST), section 3.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.model.networks.masking import last_valid_step, pad_with_last, step_mask
from relight.model.networks.sequences import Cell, recurrent_layer

State = tuple[Tensor, Tensor] | Tensor  # of an LSTM (hidden, memory), else hidden; (n, d_hidden) each


class Decoder(nn.Module):
    """Sequence to sequence (Sutskever et al. 2014; Cho et al. 2014), on numbers.

    Each step reads the previous value and its own future covariates. The previous value is the last one of the past
    at first, then the decoder's own output; in training it is the truth with probability `teacher_forcing`, drawn
    for each step of each row (Bengio et al. 2015, "Scheduled Sampling", section 2.4).

    NOTE[DIFF]: the memory of an LSTM starts as a linear function of the encoder's last hidden state. PyTorch returns
    the memory itself only for the last step, which may be padding.

    **Shape**
        - past: (n, length, d_past) float32 with the target in channel 0
        - lengths: (n,) int64, the valid steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - truth: (n, horizon) float32 on the scale of the past, read only in training
        - output: (n, horizon)

    Args:
        length: the steps of the past, which say how much memory a row takes.
        d_hidden: the width of the state of encoder and decoder.
        teacher_forcing: the probability that a step of a training sees the truth before it, from 0 to 1.
    """

    wants_truth = True

    def __init__(
        self,
        d_past: int,
        horizon: int,
        *,
        d_future_total: int,
        length: int,
        cell: Cell,
        d_hidden: int,
        dropout: float,
        teacher_forcing: float,
    ) -> None:
        super().__init__()
        self.horizon = horizon
        self.teacher_forcing = teacher_forcing
        self.encoder = recurrent_layer(cell, d_past, d_hidden)
        self.memory = nn.Linear(d_hidden, d_hidden) if cell == "lstm" else None
        self.cell = _cell(cell, 1 + d_future_total // horizon, d_hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(d_hidden, 1)
        self.d_widest = max(length, horizon) * max(d_past, 4 * d_hidden)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        state = self._encode(past, lengths)
        previous = last_valid_step(past, lengths)[:, :1]  # (n, 1)
        outputs: list[Tensor] = []
        for step in range(self.horizon):
            if step:
                previous = self._previous_value(outputs[-1], truth, step)
            state = self.cell(torch.cat([previous, future[:, step]], dim=1), state)
            hidden = state if isinstance(state, Tensor) else state[0]
            outputs.append(self.output(self.dropout(hidden)))
        return torch.cat(outputs, dim=1)

    def _encode(self, past: Tensor, lengths: Tensor) -> State:
        hidden = last_valid_step(self.encoder(past)[0], lengths)
        return hidden if self.memory is None else (hidden, self.memory(hidden))

    def _previous_value(self, output: Tensor, truth: Tensor | None, step: int) -> Tensor:
        if truth is None or not self.training:
            return output
        is_forced = torch.rand_like(output) < self.teacher_forcing
        return torch.where(is_forced, truth[:, step - 1 : step], output)


def _cell(cell: Cell, d_in: int, d_hidden: int) -> nn.RNNCell | nn.LSTMCell | nn.GRUCell:
    match cell:
        case "rnn":
            return nn.RNNCell(d_in, d_hidden)
        case "lstm":
            return nn.LSTMCell(d_in, d_hidden)
        case "gru":
            return nn.GRUCell(d_in, d_hidden)


class DLinear(nn.Module):
    """Reads the target's own past and, by the same weights at every step, the future covariates.

    **Shape**
        - past: (n, any, d_past) float32 with the target in channel 0; the last valid step is repeated up to `length`
        - lengths: (n,) int64, the valid steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, horizon)

    Args:
        kernel: the steps of the moving average that is the trend.
    """

    def __init__(self, length: int, horizon: int, *, d_future_total: int, kernel: int) -> None:
        super().__init__()
        self.length = length
        self.kernel = kernel
        self.trend = nn.Linear(length, horizon)
        self.remainder = nn.Linear(length, horizon)
        self.covariates = nn.Linear(d_future_total // horizon, 1, bias=False) if d_future_total else None
        self.d_widest = max(length + kernel, horizon, d_future_total)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        series = pad_with_last(past[:, :, :1], lengths, self.length).squeeze(2)  # (n, length)
        trend = moving_average(series, self.kernel)
        out: Tensor = self.trend(trend) + self.remainder(series - trend)
        return out if self.covariates is None else out + self.covariates(future).squeeze(2)


def moving_average(series: Tensor, kernel: int) -> Tensor:
    """Return the mean of the `kernel` values around each, with both ends repeated: (n, length) → the same."""
    before = (kernel - 1) // 2
    padded = functional.pad(series.unsqueeze(1), (before, kernel - 1 - before), mode="replicate")
    return functional.avg_pool1d(padded, kernel, stride=1).squeeze(1)


class PatchTransformer(nn.Module):
    """Overlapping patches are embedded with a learned position, attend to each other, and are read by one linear layer.

    A patch without a valid step is not attended to and is zeros for the output.

    NOTE[DIFF]: the channels of a patch are embedded together, because one target is forecast and not each channel;
    layer normalisation stands before attention and feed-forward, theirs is batch normalisation behind them.

    **Shape**
        - past: (n, any, d_past) float32; the last valid step is repeated up to `length`
        - lengths: (n,) int64, the valid steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)

    Args:
        patch: the steps of a patch.
        stride: the steps from the start of a patch to that of the next, at most `patch`.
        d_block: the width of a token, a multiple of `n_heads`.
    """

    def __init__(
        self,
        d_past: int,
        d_out: int,
        *,
        d_future_total: int,
        length: int,
        patch: int,
        stride: int,
        n_blocks: int,
        d_block: int,
        n_heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.patch, self.stride = patch, stride
        # one patch more than fits, as theirs: the last valid steps are in the middle of one
        self.n_patches = max(length - patch, 0) // stride + 2
        self.embedding = nn.Linear(patch * d_past, d_block)
        self.positions = nn.Parameter(torch.empty(self.n_patches, d_block).uniform_(-0.02, 0.02))
        self.dropout = nn.Dropout(dropout)
        # nn.TransformerEncoder would start each block from the same weights
        self.blocks = nn.ModuleList(_block(d_block, n_heads, dropout) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(d_block)
        self.output = nn.Linear(self.n_patches * d_block + d_future_total, d_out)
        self.d_widest = self.n_patches * max(4 * d_block, patch * d_past, self.n_patches * n_heads)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        n_steps = (self.n_patches - 1) * self.stride + self.patch
        padded = pad_with_last(past, lengths, n_steps)
        patches = padded.unfold(1, self.patch, self.stride)  # (n, n_patches, d_past, patch)
        tokens = self.dropout(self.embedding(patches.flatten(2)) + self.positions)
        mask = step_mask((lengths + self.stride - 1) // self.stride, self.n_patches)
        for block in self.blocks:
            tokens = block(tokens, src_key_padding_mask=~mask)
        read = self.norm(tokens).masked_fill(~mask.unsqueeze(2), 0.0).flatten(1)
        out: Tensor = self.output(torch.cat([read, future.flatten(1)], dim=1))
        return out


def _block(d_block: int, n_heads: int, dropout: float) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        d_block,
        n_heads,
        dim_feedforward=2 * d_block,
        dropout=dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
