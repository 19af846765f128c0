"""Batches of a ranking: whole queries, for a loss compares the candidates of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from relight.domain.batches import Batch
from relight.domain.rows import Rows


@dataclass(frozen=True)
class QueryBatches:
    """Of rows that stay on the device: all at once, or queries in one order an epoch, until a batch holds so many rows.

    Queries whose candidates are equally relevant teach nothing, and are in no such batch.

    Attributes:
        rows: their target is (n_rows, 2): relevance, and the number of the query.
        batch_size: rows; the last query of a batch may lie beyond it.
    """

    rows: Rows
    batch_size: Literal["full"] | int
    seed: int

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        if self.batch_size == "full":
            if first == 0:
                yield Batch(self.rows, 1.0)
            return
        known = self._queries
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order = torch.randperm(len(known.sizes), generator=generator)
        for picked in torch.split(order, packed(known.sizes[order], self.batch_size))[first:]:
            places = known.rows_of(picked).to(self.rows.target.device)
            yield Batch(self.rows.pick(places), len(picked) / len(order))

    @cached_property
    def _queries(self) -> "Queries":
        """To find them sorts all rows: once, not in each epoch."""
        return teaching_queries(self.rows.target)


class Queries(NamedTuple):
    """On the CPU.

    Attributes:
        rows: int64 (n_rows,), places, query by query.
        starts, sizes: int64 (n_queries,): where the rows of each begin, and how many they are.
    """

    rows: Tensor
    starts: Tensor
    sizes: Tensor

    def rows_of(self, queries: Tensor) -> Tensor:
        """The places of all rows of some queries, one query after the other."""
        sizes = self.sizes[queries]
        shift = self.starts[queries] - (sizes.cumsum(0) - sizes)
        return self.rows[torch.arange(int(sizes.sum())) + shift.repeat_interleave(sizes)]


def teaching_queries(target: Tensor) -> Queries:
    """Those whose candidates differ in relevance.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    relevance, query = target.cpu().unbind(1)
    rows = torch.argsort(query, stable=True)
    _, sizes = torch.unique(query, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    steps = torch.cat([torch.zeros(1, dtype=torch.int64), (relevance[rows].diff() != 0).cumsum(0)])
    differ = steps[starts + sizes - 1] > steps[starts]  # a change between two rows of one query
    return Queries(rows, starts[differ], sizes[differ])


def packed(sizes: Tensor, batch_size: int) -> list[int]:
    """How many of the queries, in their order, make each batch: until it holds `batch_size` rows or more."""
    ends, counts, place = sizes.cumsum(0), [], 0
    while place < len(sizes):
        n_before = int(ends[place] - sizes[place])
        stop = min(len(sizes), int(torch.searchsorted(ends, n_before + batch_size)) + 1)
        counts.append(stop - place)
        place = stop
    return counts
