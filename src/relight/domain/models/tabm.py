"""TabM: many networks that share most of their weights, trained as one.

Gorishniy et al. 2025, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", by the
parts of the authors' package. Their own `TabM` cannot be exported with a free number of rows.
"""

import torch
from tabm import EnsembleView, LinearEnsemble, make_tabm_backbone
from torch import Tensor, nn

from relight.domain.models.categories import Categories
from relight.domain.models.numeric_embeddings import NumericEmbeddings
from relight.params.model import TabmParams


class Tabm(nn.Module):
    """k members that see the same row. Numbers and categories are embedded once, before the ensemble.

    **Shape**: as `Front` gives them in, (n_rows, k, d_out) out.
    """

    def __init__(self, numbers: NumericEmbeddings, categories: Categories, d_out: int, params: TabmParams) -> None:
        super().__init__()
        widths = [*numbers.widths, *categories.widths]
        self.numbers = numbers
        self.categories = categories
        self.view = EnsembleView(k=params.k)
        self.backbone = make_tabm_backbone(
            d_in=sum(widths),
            n_blocks=params.n_blocks,
            d_block=params.d_block,
            dropout=params.dropout,
            k=params.k,
            start_scaling_init="normal",
            start_scaling_init_chunks=widths,
        )
        self.output = LinearEnsemble(params.d_block, d_out, k=params.k)
        self.d_widest = max(params.k * max(params.d_block, sum(widths)), params.n_bins * len(numbers.widths))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        row = torch.cat([*self.numbers(numbers), *self.categories(codes)], dim=1)  # (n_rows, d_in)
        out: Tensor = self.output(self.backbone(self.view(row)))
        return out
