"""A transformer whose tokens are patches of time.

Nie et al. 2023, "A Time Series is Worth 64 Words" (PatchTST), section 3.1.
"""

import torch
from torch import Tensor, nn

from relight.domain.models.masking import held, real_steps
from relight.params.sequence_models import PatchTransformerParams


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
