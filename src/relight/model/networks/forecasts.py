"""Decoder, DLinear, PatchTST.

An encoder that reads the past, and a decoder that says the future one step after the other.

DLinear: a linear layer for the trend, one for the rest.

Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4.2.

A transformer whose tokens are patches of time.

Nie et al. 2023, "A Time Series is Worth 64 Words" (PatchTST), section 3.1.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.model.networks.sequences import held, last_real, real_steps, recurrent_layer
from relight.model.params import Cell, DecoderParams, DLinearParams, PatchTransformerParams

State = tuple[Tensor, Tensor] | Tensor  # of an LSTM (hidden, memory), else hidden; (n, d_hidden) each


class Decoder(nn.Module):
    """Sequence to sequence (Sutskever et al. 2014; Cho et al. 2014), on numbers.

    Each step reads the value before it and the covariates that are known of its own. The value before is the last of
    the past at first, then the decoder's own answer; in training it is the truth with probability `teacher_forcing`,
    drawn for each step of each row (Bengio et al. 2015, "Scheduled Sampling", section 2.4).

    NOTE[DIFF]: the memory of an LSTM starts as a linear function of the encoder's last hidden state. The memory
    itself is known for the last step alone, which may be padding.

    **Shape**
        - past: (n, length, d_past) float32 with the target in channel 0, lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - truth: (n, horizon) float32 on the scale of the past, read in training alone
        - output: (n, horizon)
    """

    wants_truth = True

    def __init__(self, d_past: int, d_future_total: int, horizon: int, params: DecoderParams, *, length: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.teacher_forcing = params.teacher_forcing
        self.encoder = recurrent_layer(params.cell, d_past, params.d_hidden)
        self.memory = nn.Linear(params.d_hidden, params.d_hidden) if params.cell == "lstm" else None
        self.cell = _cell(params.cell, 1 + d_future_total // horizon, params.d_hidden)
        self.dropout = nn.Dropout(params.dropout)
        self.output = nn.Linear(params.d_hidden, 1)
        self.d_widest = max(length, horizon) * max(d_past, 4 * params.d_hidden)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor, truth: Tensor | None = None) -> Tensor:
        state = self._encode(past, lengths)
        before = last_real(past, lengths)[:, :1]  # (n, 1)
        answers: list[Tensor] = []
        for step in range(self.horizon):
            if step:
                before = self._value_before(answers[-1], truth, step)
            state = self.cell(torch.cat([before, future[:, step]], dim=1), state)
            hidden = state if isinstance(state, Tensor) else state[0]
            answers.append(self.output(self.dropout(hidden)))
        return torch.cat(answers, dim=1)

    def _encode(self, past: Tensor, lengths: Tensor) -> State:
        hidden = last_real(self.encoder(past)[0], lengths)
        return hidden if self.memory is None else (hidden, self.memory(hidden))

    def _value_before(self, answer: Tensor, truth: Tensor | None, step: int) -> Tensor:
        if truth is None or not self.training:
            return answer
        is_told = torch.rand_like(answer) < self.teacher_forcing
        return torch.where(is_told, truth[:, step - 1 : step], answer)


def _cell(cell: Cell, d_in: int, d_hidden: int) -> nn.RNNCell | nn.LSTMCell | nn.GRUCell:
    match cell:
        case "rnn":
            return nn.RNNCell(d_in, d_hidden)
        case "lstm":
            return nn.LSTMCell(d_in, d_hidden)
        case "gru":
            return nn.GRUCell(d_in, d_hidden)


class DLinear(nn.Module):
    """Reads the target's own past and, by the same weights at every step, the covariates known ahead.

    **Shape**
        - past: (n, any, d_past) float32 with the target in channel 0; what is missing to `length` steps is
          the last real one again
        - lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, horizon)
    """

    def __init__(self, d_future_total: int, horizon: int, params: DLinearParams, *, length: int) -> None:
        super().__init__()
        self.length = length
        self.kernel = params.kernel
        self.trend = nn.Linear(length, horizon)
        self.remainder = nn.Linear(length, horizon)
        self.covariates = nn.Linear(d_future_total // horizon, 1, bias=False) if d_future_total else None
        self.d_widest = max(length + params.kernel, horizon, d_future_total)

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        series = held(past[:, :, :1], lengths, self.length).squeeze(2)  # (n, length)
        trend = moving_average(series, self.kernel)
        out: Tensor = self.trend(trend) + self.remainder(series - trend)
        return out if self.covariates is None else out + self.covariates(future).squeeze(2)


def moving_average(series: Tensor, kernel: int) -> Tensor:
    """The mean of the `kernel` values around each, where the ends go on as they are: (n, length) → the same."""
    before = (kernel - 1) // 2
    padded = functional.pad(series.unsqueeze(1), (before, kernel - 1 - before), mode="replicate")
    return functional.avg_pool1d(padded, kernel, stride=1).squeeze(1)


class PatchTransformer(nn.Module):
    """Overlapping patches are embedded with a learned position, attend to each other, and are read by one linear layer.

    A patch without a real step is not attended to and is zeros for the output.

    NOTE[DIFF]: the channels of a patch are embedded together, for one target is forecast and not each channel; layer
    normalisation stands before attention and feed-forward, where theirs is batch normalisation behind them.

    **Shape**
        - past: (n, any, d_past) float32; what is missing to `length` steps is the last real one again
        - lengths: (n,) int64 of its real steps
        - future: (n, horizon, d_future) float32, horizon * d_future is `d_future_total`
        - output: (n, d_out)
    """

    def __init__(
        self, d_past: int, d_future_total: int, d_out: int, params: PatchTransformerParams, *, length: int
    ) -> None:
        super().__init__()
        self.patch, self.stride = params.patch, params.stride
        # one patch more than fits, as theirs: the last real steps are in the middle of one
        self.n_patches = max(length - params.patch, 0) // params.stride + 2
        self.embedding = nn.Linear(params.patch * d_past, params.d_block)
        self.positions = nn.Parameter(torch.empty(self.n_patches, params.d_block).uniform_(-0.02, 0.02))
        self.dropout = nn.Dropout(params.dropout)
        # nn.TransformerEncoder would start each block from the same weights
        self.blocks = nn.ModuleList(_block(params) for _ in range(params.n_blocks))
        self.norm = nn.LayerNorm(params.d_block)
        self.output = nn.Linear(self.n_patches * params.d_block + d_future_total, d_out)
        d_token = max(4 * params.d_block, params.patch * d_past, self.n_patches * params.n_heads)
        self.d_widest = self.n_patches * d_token

    def forward(self, past: Tensor, lengths: Tensor, future: Tensor) -> Tensor:
        n_steps = (self.n_patches - 1) * self.stride + self.patch
        patches = held(past, lengths, n_steps).unfold(1, self.patch, self.stride)  # (n, n_patches, d_past, patch)
        tokens = self.dropout(self.embedding(patches.flatten(2)) + self.positions)
        real = real_steps((lengths + self.stride - 1) // self.stride, self.n_patches)
        for block in self.blocks:
            tokens = block(tokens, src_key_padding_mask=~real)
        read = self.norm(tokens).masked_fill(~real.unsqueeze(2), 0.0).flatten(1)
        out: Tensor = self.output(torch.cat([read, future.flatten(1)], dim=1))
        return out


def _block(params: PatchTransformerParams) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        params.d_block,
        params.n_heads,
        dim_feedforward=2 * params.d_block,
        dropout=params.dropout,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
