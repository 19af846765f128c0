"""An encoder that reads the past, and a decoder that says the future one step after the other."""

import torch
from torch import Tensor, nn

from relight.domain.models.masking import last_real
from relight.domain.models.recurrent import recurrent_layer
from relight.params.sequence_models import Cell, DecoderParams

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
