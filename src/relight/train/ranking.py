"""Rankings: batches of whole queries, and the score of an order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from relight.data.groups import factorize, has_distinct_relevance
from relight.metrics.ranking import ndcg
from relight.model.inference import decode_outputs
from relight.model.rows import Rows
from relight.train.batches import Batch

NDCG_CUTOFF = 10


@dataclass(frozen=True)
class QueryDataset:
    """Candidates of queries, in memory, because those of a query stay together."""

    rows: Rows

    def batches(
        self,
        preprocess: Callable[[Rows], Rows],
        device: torch.device,
        batch_size: Literal["full"] | int,
        seed: int,
    ) -> "QueryBatches":
        return QueryBatches(preprocess(self.rows.to(device)), batch_size, seed)

    def preprocessed(self, preprocess: Callable[[Rows], Rows], device: torch.device) -> Rows:
        return preprocess(self.rows.to(device))


@dataclass(frozen=True)
class QueryBatches:
    """All rows at once, or queries in a new order each epoch, as many as make `batch_size` rows or more.

    Queries whose candidates are equally relevant teach nothing, and are in no such batch.

    Attributes:
        rows: on the device; their target is (n_rows, 2): relevance, and the number of the query.
    """

    rows: Rows
    batch_size: Literal["full"] | int
    seed: int

    def epoch_batches(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        if self.batch_size == "full":
            if first_batch == 0:
                yield Batch(self.rows, 1.0)
            return
        order, sizes = self._packed_queries(epoch, self.batch_size)
        for picked in torch.split(order, sizes)[first_batch:]:
            row_indices = self._query_index.row_indices(picked).to(self.rows.target.device)
            yield Batch(self.rows.pick(row_indices), len(picked) / len(order))

    def n_steps(self, epochs: int) -> int:
        """Return the number of batches in the first so many epochs; it differs between epochs."""
        if self.batch_size == "full":
            return epochs
        ends = self._ends_of_epochs
        while len(ends) <= epochs:
            ends.append(ends[-1] + len(self._packed_queries(len(ends) - 1, self.batch_size)[1]))
        return ends[epochs]

    def _packed_queries(self, epoch: int, batch_size: int) -> tuple[Tensor, list[int]]:
        """Return the queries in the order of the epoch, int64 (n_queries,), and how many make each batch."""
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order = torch.randperm(len(self._query_index.sizes), generator=generator)
        return order, pack_queries(self._query_index.sizes[order], batch_size)

    @cached_property
    def _ends_of_epochs(self) -> list[int]:
        """Steps before each epoch, as far as they were asked for."""
        return [0]

    @cached_property
    def _query_index(self) -> "QueryIndex":
        """Made once, not in each epoch, because it sorts all rows."""
        return informative_queries(self.rows.target)


class QueryIndex(NamedTuple):
    """The rows of each query, on the CPU.

    Attributes:
        rows: int64 (n_rows,), row numbers, query by query.
        starts, sizes: int64 (n_queries,): where the rows of each query begin in `rows`, and how many they are.
    """

    rows: Tensor
    starts: Tensor
    sizes: Tensor

    def row_indices(self, queries: Tensor) -> Tensor:
        """Return the numbers of all rows of some queries, one query after the other."""
        sizes = self.sizes[queries]
        shift = self.starts[queries] - (sizes.cumsum(0) - sizes)
        return self.rows[torch.arange(int(sizes.sum())) + shift.repeat_interleave(sizes)]


def informative_queries(target: Tensor) -> QueryIndex:
    """Return the queries whose candidates differ in relevance.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    relevance, query = target.cpu().unbind(1)
    rows = torch.argsort(query, stable=True)
    _, sizes = torch.unique(query, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    steps = torch.cat([torch.zeros(1, dtype=torch.int64), (relevance[rows].diff() != 0).cumsum(0)])
    differ = steps[starts + sizes - 1] > steps[starts]  # a change between two rows of one query
    return QueryIndex(rows, starts[differ], sizes[differ])


def pack_queries(sizes: Tensor, batch_size: int) -> list[int]:
    """Return how many of the queries, in their order, make each batch of `batch_size` rows or more."""
    ends, counts, start = sizes.cumsum(0), [], 0
    while start < len(sizes):
        n_before = int(ends[start] - sizes[start])
        stop = min(len(sizes), int(torch.searchsorted(ends, n_before + batch_size)) + 1)
        counts.append(stop - start)
        start = stop
    return counts


def ranking_score(target_transform: nn.Module, target: Tensor) -> Callable[[Tensor], float]:
    """Return outputs → 1 - NDCG@10.

    Args:
        target: (n_rows, 2) relevance, and the number of the query, on the CPU.
    """
    score = one_minus_ndcg(target)
    return lambda outputs: score(decode_outputs("ranking", target_transform(outputs)).cpu())


def one_minus_ndcg(target: Tensor) -> Callable[[Tensor], float]:
    """Scores (n_rows,) on the CPU → 1 - NDCG@10, the mean over the queries whose candidates differ in relevance.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    relevance, query = target.double().numpy().T
    query = factorize(query)
    rows = has_distinct_relevance(query, relevance)[query]
    query, relevance = factorize(query[rows]), relevance[rows]
    return lambda scores: 1 - float(ndcg(query, relevance, scores.double().numpy()[rows], NDCG_CUTOFF).mean())
