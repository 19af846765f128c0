"""MLP-PLE, TabM, FT-Transformer (authors' packages).

Where piecewise-linear embeddings bend: quantiles of the train rows, after the front's transform.

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

import numpy as np
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings, compute_bins
from rtdl_revisiting_models import FTTransformer
from tabm import EnsembleView, LinearEnsemble, make_tabm_backbone
from torch import Tensor, nn

from relight.data.features import Features, NumericFeature
from relight.model.networks.categories import Categories
from relight.model.networks.mlp import Mlp
from relight.model.params import FtTransformerParams, MlpParams, MlpPleParams, TabmParams
from relight.model.preprocessing import Front

# Of a column's largest edge: (x - edge) / width loses all its digits in float32 when a bin is much narrower.
NARROWEST = 1e-5


def bins_of(features: Features, front: Front, n_bins: int) -> list[Tensor]:
    """The edges of each scaled column's bins, rising: at least 2, at most n_bins + 1 of them.

    They follow from the features alone, so that a model is rebuilt without its train rows.
    """
    kept: list[int] = front.keep.tolist()
    if not kept:
        return []
    grids = [_grid(features.numeric[place]) for place in kept]
    longest = max(len(grid) for grid in grids)
    padded = np.array([np.pad(grid, (0, longest - len(grid)), mode="edge") for grid in grids], dtype=np.float32)
    with torch.no_grad():
        scaled = front.scaling(torch.from_numpy(padded.T))
    return [_edges(column[: len(grid)], n_bins) for column, grid in zip(scaled.T, grids, strict=True)]


def _grid(feature: NumericFeature) -> np.ndarray:
    """The quantiles of a column from its smallest to its largest value: those may come from some of the rows alone."""
    return np.array([feature.low, *feature.quantiles[1:-1], feature.high])


def _edges(column: Tensor, n_bins: int) -> Tensor:
    ends = column[[0, -1]]
    if len(column) < 3:
        return ends
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a column has one bin: it is then kept flat
        (edges,) = compute_bins(column.unsqueeze(1), min(n_bins, len(column) - 1))
    narrowest = NARROWEST * edges.abs().max().item()
    chosen: list[float] = []
    for edge in edges.tolist():
        if not chosen or edge - chosen[-1] > narrowest:
            chosen.append(edge)
    return torch.tensor(chosen) if len(chosen) > 1 else ends


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


class NumericEmbeddings(nn.Module):
    """Each number of two bins or more → a vector; the others, and the indicators of gaps, as they are.

    A column of two values has one bin, and a straight line through it is what a network's first layer learns anyway.

    **Shape**
        - numbers: (n_rows, d_numbers)
        - output: at most two tensors, (n_rows, n_embedded * d_embedding) and (n_rows, n_flat)

    Attributes:
        widths: of each embedding and of each flat number, in the order of the outputs.
    """

    embedded: Tensor
    flat: Tensor

    def __init__(self, bins: list[Tensor], d_numbers: int, d_embedding: int) -> None:
        super().__init__()
        embedded = [place for place, edges in enumerate(bins) if len(edges) > 2]
        flat = [place for place in range(d_numbers) if place not in embedded]
        self.register_buffer("embedded", torch.tensor(embedded, dtype=torch.int64))
        self.register_buffer("flat", torch.tensor(flat, dtype=torch.int64))
        self.widths = [*[d_embedding] * len(embedded), *[1] * len(flat)]
        self.embeddings = (
            PiecewiseLinearEmbeddings([bins[place] for place in embedded], d_embedding, activation=False, version="B")
            if embedded
            else None
        )

    def forward(self, numbers: Tensor) -> list[Tensor]:
        parts = []
        if self.embeddings is not None:
            parts.append(self.embeddings(numbers.index_select(1, self.embedded)).flatten(1))
        if len(self.flat):
            parts.append(numbers.index_select(1, self.flat))
        return parts


class MlpPle(nn.Module):
    """MLP-PLE as in Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning".

    **Shape**: as `Front` gives them in, (n_rows, d_out) out.
    """

    def __init__(self, numbers: NumericEmbeddings, categories: Categories, d_out: int, params: MlpPleParams) -> None:
        super().__init__()
        self.numbers = numbers
        self.categories = categories
        shape = MlpParams(n_blocks=params.n_blocks, d_block=params.d_block, dropout=params.dropout)
        self.network = Mlp(sum([*numbers.widths, *categories.widths]), d_out, shape)
        self.d_widest = max(self.network.d_widest, params.n_bins * len(numbers.widths))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([*self.numbers(numbers), *self.categories(codes)], dim=1))
        return out


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
