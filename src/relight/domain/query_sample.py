"""Whole queries of the test rows, where all of them are too many."""

import numpy as np

from relight.domain.importance import MOST_ROWS
from relight.domain.queries import by_first_appearance, have_an_order


def sample_of_queries(target: np.ndarray, seed: int) -> np.ndarray:
    """The rows, in their order, of at most 5,000 rows of whole queries, always the same; of one query at least.

    Queries whose candidates are equally relevant say nothing, and are left out.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    query = by_first_appearance(target[:, 1])
    n_candidates, counts = np.bincount(query), have_an_order(query, target[:, 0])
    order = np.random.default_rng(seed).permutation(np.flatnonzero(counts))
    n_kept = max(1, int(np.searchsorted(np.cumsum(n_candidates[order]), MOST_ROWS, side="right")))
    return np.flatnonzero(np.isin(query, order[:n_kept]))
