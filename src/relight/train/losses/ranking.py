"""Losses that compare the candidates of a query.

They are the mean over the queries whose candidates differ in relevance; 0 if there is none. Outputs with members,
(n_rows, n_members, 1), have the mean of the members' losses.

**Shape** of both losses
    - scores: (n_rows, 1) or (n_rows, n_members, 1), the higher, the earlier in the order
    - targets: (n_rows, 2): relevance, and the number of the query; the rows of a query may lie anywhere
    - weights: None, because queries count the same
    - output: ()
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

RANKING_MARGIN = 1.0
MAX_PAIRS_AT_ONCE = 2**22  # in memory, if no gradient needs all of them

# index_add, and scatter_reduce with amax, give the same bits each time, also on a GPU.


def listwise(scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """-Σ shareᵢ log softmax(score)ᵢ over the candidates of a query, shareᵢ = gainᵢ / Σ gain, gain = 2^relevance - 1.

    ListNet's top-one cross-entropy (Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach",
    section 4).

    NOTE[DIFF] there the target shares are the softmax of the relevances. Shares of the gain are those that NDCG uses
    (Bruch et al. 2019, "An analysis of the softmax cross entropy loss for learning-to-rank with binary
    relevance", section 4).
    """
    outputs, queries = _member_scores(scores, targets, weights), _queries(targets)
    gain = targets[:, :1].exp2() - 1
    share = gain / queries.sum(gain).clamp(min=1)[queries.query_of_row]  # gains are 0 or at least 1
    largest = queries.max(outputs.detach())
    shifted = outputs - largest[queries.query_of_row]
    log_sum = queries.sum(shifted.exp()).log()
    losses = log_sum - queries.sum(share * shifted)  # (n_queries, n_members)
    return _mean_over_queries(losses, queries.has_distinct_relevance(targets[:, :1]))


def margin_ranking(scores: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """mean max(0, 1 - (scoreᵢ - scoreⱼ)) over the pairs of a query with relevanceᵢ > relevanceⱼ.

    torch.nn.functional.margin_ranking_loss (Herbrich, Graepel and Obermayer 2000, "Large margin rank boundaries for
    ordinal regression").
    """
    outputs, queries = _member_scores(scores, targets, weights), _queries(targets)
    losses, counts = outputs.new_zeros(queries.n, outputs.shape[1]), outputs.new_zeros(queries.n, 1)
    for higher, lower in _pairs(queries, targets[:, 0]):
        ones = outputs.new_ones(len(higher), outputs.shape[1])
        off = functional.margin_ranking_loss(
            outputs[higher], outputs[lower], ones, margin=RANKING_MARGIN, reduction="none"
        )
        losses = losses.index_add(0, queries.query_of_row[higher], off)
        counts = counts.index_add(0, queries.query_of_row[higher], ones[:, :1])
    return _mean_over_queries(losses / counts.clamp(min=1), counts > 0)


class _Queries(NamedTuple):
    """The queries of some rows.

    Attributes:
        query_of_row: (n_rows,) int64, from 0 to n - 1.
        sizes: (n,) int64.
    """

    query_of_row: Tensor
    sizes: Tensor

    @property
    def n(self) -> int:
        return len(self.sizes)

    def sum(self, values: Tensor) -> Tensor:
        """(n_rows, k) → (n, k)."""
        return values.new_zeros(self.n, values.shape[1]).index_add(0, self.query_of_row, values)

    def max(self, values: Tensor) -> Tensor:
        """(n_rows, k) → (n, k)."""
        row_index = self.query_of_row.unsqueeze(1).expand(values.shape)
        return values.new_zeros(self.n, values.shape[1]).scatter_reduce(
            0, row_index, values, "amax", include_self=False
        )

    def has_distinct_relevance(self, relevance: Tensor) -> Tensor:
        """(n_rows, 1) → (n, 1) bool: whether the candidates of a query differ."""
        return self.max(relevance) > -self.max(-relevance)


def _queries(targets: Tensor) -> _Queries:
    _, of_row, sizes = torch.unique(targets[:, 1], return_inverse=True, return_counts=True)
    return _Queries(of_row, sizes)


def _pairs(queries: _Queries, relevance: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows (i, j) of one query with relevanceᵢ > relevanceⱼ, some queries at a time."""
    rows = torch.argsort(queries.query_of_row, stable=True)  # query by query
    ends = queries.sizes.cumsum(0)
    pairs = queries.sizes.square().cumsum(0)
    start, n_before = 0, 0
    while start < queries.n:
        stop = max(start + 1, int(torch.searchsorted(pairs, n_before + MAX_PAIRS_AT_ONCE, right=True)))
        sizes, starts = queries.sizes[start:stop], (ends - queries.sizes)[start:stop]
        higher, lower = _row_pairs(rows, starts, sizes)
        kept = relevance[higher] > relevance[lower]
        yield higher[kept], lower[kept]
        start, n_before = stop, int(pairs[stop - 1])


def _row_pairs(rows: Tensor, starts: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Return all couples of rows of the same query, for these queries."""
    first = torch.arange(int(sizes.sum()), device=rows.device) + starts[0]  # the queries lie one after the other
    size, start = sizes.repeat_interleave(sizes), starts.repeat_interleave(sizes)
    n_before = size.cumsum(0) - size
    inside = torch.arange(int(size.sum()), device=rows.device) - n_before.repeat_interleave(size)
    return rows[first.repeat_interleave(size)], rows[start.repeat_interleave(size) + inside]


def _mean_over_queries(losses: Tensor, is_counted: Tensor) -> Tensor:
    """Return the mean of (n_queries, n_members) over the counted queries, (n_queries, 1) bool, and the members."""
    counted = is_counted.to(losses.dtype)
    return (losses * counted).sum() / (counted.sum().clamp(min=1) * losses.shape[1])


def _member_scores(scores: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """Return the scores of each member, (n_rows, n_members)."""
    fits = scores.dim() in (2, 3) and scores.shape[-1] == 1 and targets.shape == (len(scores), 2)
    if not fits or weights is not None:
        raise ValueError(f"shapes must be (n, 1) and (n, 2), got {scores.shape=}, {targets.shape=}, {weights=}")
    return scores.reshape(len(scores), -1)
