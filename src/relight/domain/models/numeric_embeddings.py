"""A learned curve for each number: piecewise-linear embeddings.

Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning", section 3.2, by the
authors' package; version B is that of their TabM paper.
"""

import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from torch import Tensor, nn


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
