"""Convolutions over time: blocks, then what they found anywhere in the sequence, then a linear output."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.domain.models.activations import activation
from relight.domain.models.masked_batch_norm import MaskedBatchNorm
from relight.domain.models.masking import last_real, masked_max, masked_mean, real_steps
from relight.params.sequence_models import ConvolutionParams


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
