"""MLP-PLE, TabM, FT-Transformer (authors' packages).

The bins of piecewise-linear embeddings: quantiles of the train rows, after the scaling of the columns.

FT-Transformer: a token for each column, attention between them.

Gorishniy et al. 2021, "Revisiting Deep Learning Models for Tabular Data", section 3.3, by the authors' package.

A learned curve for each number: piecewise-linear embeddings.

Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", section 3.2, by the
authors' package; version B is that of their TabM paper.

The multilayer perceptron behind piecewise-linear embeddings of its numbers.

TabM: many networks that share most of their weights, trained as one.

Gorishniy et al. 2025, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", by the
parts of the authors' package. Their own `TabM` cannot be exported with a free number of rows.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings, compute_bins
from rtdl_revisiting_models import FTTransformer
from tabm import EnsembleView, LinearEnsemble, make_tabm_backbone
from torch import Tensor, nn

from relight.model.networks.categories import Categories
from relight.model.networks.mlp import Mlp

# As a share of a column's largest edge: (x - edge) / width loses all its digits in float32 if a bin is much narrower.
MIN_RELATIVE_WIDTH = 1e-5


def bin_edges(quantiles: Sequence[Sequence[float]], scaling: nn.Module, *, n_bins: int) -> list[Tensor]:
    """Return the rising edges of each column's bins: at least 2, at most n_bins + 1 of them.

    They follow from the quantiles only, so that a model is rebuilt without its train rows.

    Args:
        quantiles: the raw values of each column at evenly spaced levels, from its smallest to its largest.
        scaling: the module that scales all these columns at once, (n_rows, n_columns) in and out.
    """
    if not quantiles:
        return []
    longest = max(len(values) for values in quantiles)
    padded = np.array([np.pad(values, (0, longest - len(values)), mode="edge") for values in quantiles], np.float32)
    with torch.no_grad():
        scaled = scaling(torch.from_numpy(padded.T))
    return [_edges(column[: len(values)], n_bins) for column, values in zip(scaled.T, quantiles, strict=True)]


def _edges(column: Tensor, n_bins: int) -> Tensor:
    ends = column[[0, -1]]
    if len(column) < 3:
        return ends
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a column of one bin: `NumericEmbeddings` leaves it as it is
        (edges,) = compute_bins(column.unsqueeze(1), min(n_bins, len(column) - 1))
    min_width = MIN_RELATIVE_WIDTH * edges.abs().max().item()
    chosen: list[float] = []
    for edge in edges.tolist():
        if not chosen or edge - chosen[-1] > min_width:
            chosen.append(edge)
    return torch.tensor(chosen) if len(chosen) > 1 else ends


class FtTransformer(nn.Module):
    """Indicators of gaps are tokens, as the numbers are. The token of an unknown level starts at zero.

    **Shape**
        - x_num: (n_rows, n_num_features) float32
        - x_cat: (n_rows, n_cat_features) int64 codes
        - output: (n_rows, d_out)

    Args:
        cat_cardinalities: the number of codes of each category, with code 0.
        d_block: the width of a token, a multiple of `n_heads`.
        ffn_dropout: the dropout in the feed-forward part of a block.
    """

    def __init__(
        self,
        n_num_features: int,
        cat_cardinalities: list[int],
        d_out: int,
        *,
        n_blocks: int,
        d_block: int,
        n_heads: int,
        attention_dropout: float,
        ffn_dropout: float,
    ) -> None:
        super().__init__()
        self.has_numbers, self.has_categories = n_num_features > 0, bool(cat_cardinalities)
        self.transformer = FTTransformer(
            n_cont_features=n_num_features,
            cat_cardinalities=cat_cardinalities,
            d_out=d_out,
            n_blocks=n_blocks,
            d_block=d_block,
            attention_n_heads=n_heads,
            attention_dropout=attention_dropout,
            ffn_d_hidden_multiplier=4 / 3,
            ffn_dropout=ffn_dropout,
            residual_dropout=0.0,
        )
        with torch.no_grad():
            for embedding in self.transformer.cat_embeddings.embeddings if cat_cardinalities else []:
                embedding.weight[0] = 0.0
        n_tokens = 1 + n_num_features + len(cat_cardinalities)
        self.d_widest = n_tokens * max(3 * d_block, n_tokens * n_heads)

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        out: Tensor = self.transformer(
            x_num if self.has_numbers else None,
            x_cat if self.has_categories else None,
        )
        return out


class NumericEmbeddings(nn.Module):
    """Each number of two bins or more → a vector; the others, and the indicators of gaps, stay as they are.

    A column of two values has one bin, and a straight line through it is what a network's first layer learns anyway.

    **Shape**
        - x_num: (n_rows, n_num_features) float32
        - output: at most two tensors, (n_rows, n_embedded * d_embedding) and (n_rows, n_flat)

    Args:
        bins: the rising edges of the bins of the first numbers; numbers beyond them are flat.
        d_embedding: the width of the embedding of one number.

    Attributes:
        widths: the width of each embedding and of each flat number, in the order of the outputs.
    """

    embedded: Tensor
    flat: Tensor

    def __init__(self, n_num_features: int, *, bins: list[Tensor], d_embedding: int) -> None:
        super().__init__()
        embedded = [index for index, edges in enumerate(bins) if len(edges) > 2]
        flat = [index for index in range(n_num_features) if index not in embedded]
        self.register_buffer("embedded", torch.tensor(embedded, dtype=torch.int64))
        self.register_buffer("flat", torch.tensor(flat, dtype=torch.int64))
        self.widths = [*[d_embedding] * len(embedded), *[1] * len(flat)]
        self.embeddings = (
            PiecewiseLinearEmbeddings([bins[index] for index in embedded], d_embedding, activation=False, version="B")
            if embedded
            else None
        )

    def forward(self, x_num: Tensor) -> list[Tensor]:
        parts = []
        if self.embeddings is not None:
            parts.append(self.embeddings(x_num.index_select(1, self.embedded)).flatten(1))
        if len(self.flat):
            parts.append(x_num.index_select(1, self.flat))
        return parts


class MlpPle(nn.Module):
    """MLP-PLE as in Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning".

    **Shape**
        - x_num: (n_rows, n_num_features) float32
        - x_cat: (n_rows, n_cat_features) int64 codes
        - output: (n_rows, d_out)

    Args:
        n_blocks, d_block, dropout: as of `Mlp`.
        n_bins: the most bins that a number may have, which says how much memory a row takes.
    """

    def __init__(
        self,
        num_embeddings: NumericEmbeddings,
        categories: Categories,
        d_out: int,
        *,
        n_blocks: int,
        d_block: int,
        dropout: float,
        n_bins: int,
    ) -> None:
        super().__init__()
        self.numbers = num_embeddings
        self.categories = categories
        d_in = sum([*num_embeddings.widths, *categories.widths])
        self.network = Mlp(d_in, d_out, n_blocks=n_blocks, d_block=d_block, dropout=dropout)
        self.d_widest = max(self.network.d_widest, n_bins * len(num_embeddings.widths))

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([*self.numbers(x_num), *self.categories(x_cat)], dim=1))
        return out


class Tabm(nn.Module):
    """k members that see the same row. Numbers and categories are embedded once, before the ensemble.

    **Shape**
        - x_num: (n_rows, n_num_features) float32
        - x_cat: (n_rows, n_cat_features) int64 codes
        - output: (n_rows, k, d_out)

    Args:
        k: the number of members.
        n_blocks, d_block, dropout: as of `Mlp`, for each member.
        n_bins: the most bins that a number may have, which says how much memory a row takes.
    """

    def __init__(
        self,
        num_embeddings: NumericEmbeddings,
        categories: Categories,
        d_out: int,
        *,
        k: int,
        n_blocks: int,
        d_block: int,
        dropout: float,
        n_bins: int,
    ) -> None:
        super().__init__()
        widths = [*num_embeddings.widths, *categories.widths]
        self.numbers = num_embeddings
        self.categories = categories
        self.view = EnsembleView(k=k)
        self.backbone = make_tabm_backbone(
            d_in=sum(widths),
            n_blocks=n_blocks,
            d_block=d_block,
            dropout=dropout,
            k=k,
            start_scaling_init="normal",
            start_scaling_init_chunks=widths,
        )
        self.output = LinearEnsemble(d_block, d_out, k=k)
        self.d_widest = max(k * max(d_block, sum(widths)), n_bins * len(num_embeddings.widths))

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        row = torch.cat([*self.numbers(x_num), *self.categories(x_cat)], dim=1)  # (n_rows, d_in)
        out: Tensor = self.output(self.backbone(self.view(row)))
        return out
