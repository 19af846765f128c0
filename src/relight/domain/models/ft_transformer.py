"""FT-Transformer: a token for each column, attention between them.

Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.3, by the authors' package.
"""

import torch
from rtdl_revisiting_models import FTTransformer
from torch import Tensor, nn

from relight.params.model import FtTransformerParams


class FtTransformer(nn.Module):
    """Indicators of gaps are tokens of numbers, as the numbers are. The token of an unknown level starts at zero.

    **Shape**: as `Front` gives them in, (n_rows, d_out) out.
    """

    def __init__(self, d_numbers: int, n_levels: list[int], d_out: int, params: FtTransformerParams) -> None:
        super().__init__()
        self.has_numbers, self.has_categories = d_numbers > 0, bool(n_levels)
        self.transformer = FTTransformer(
            n_cont_features=d_numbers,
            cat_cardinalities=[n + 1 for n in n_levels],
            d_out=d_out,
            n_blocks=params.n_blocks,
            d_block=params.d_block,
            attention_n_heads=params.n_heads,
            attention_dropout=params.attention_dropout,
            ffn_d_hidden_multiplier=4 / 3,
            ffn_dropout=params.ffn_dropout,
            residual_dropout=0.0,
        )
        with torch.no_grad():
            for embedding in self.transformer.cat_embeddings.embeddings if n_levels else []:
                embedding.weight[0] = 0.0
        n_tokens = 1 + d_numbers + len(n_levels)
        self.d_widest = n_tokens * max(3 * params.d_block, n_tokens * params.n_heads)

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        out: Tensor = self.transformer(
            numbers if self.has_numbers else None,
            codes if self.has_categories else None,
        )
        return out
