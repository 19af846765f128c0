"""Scores of an order of the candidates of each query: NDCG, MAP, pairwise accuracy.

Only queries whose candidates differ in relevance are measured: any order of the others is equally good. Equal scores
may stand in any order, and each measure is its expected value over these orders (McSherry and Najork 2008, "Computing
information retrieval performance measures efficiently in the presence of tied scores"). So a constant scores exactly
what a random order scores on average.

**Shape** of all functions here
    - query: (n_rows,) numbers 0 to n_queries - 1, each present, in any order
    - relevance, score: (n_rows,) float64
    - output: (n_queries,) float64
"""

from typing import NamedTuple

import numpy as np

from relight.data.groups import factorize, has_distinct_relevance
from relight.metrics.roc import RowMean

NDCG_CUTOFFS = (5, 10)


class QueryScores(NamedTuple):
    """The scores of each query.

    Attributes:
        n_candidates: (n_queries,) in the order of first appearance.
        first_row: (n_queries,) index of the query's first row.
        is_measured: (n_queries,) bool: whether the candidates differ in relevance.
        scores: each score of the measured queries only, (n_measured,); empty if no query is measured.
    """

    n_candidates: np.ndarray
    first_row: np.ndarray
    is_measured: np.ndarray
    scores: dict[str, np.ndarray]


def query_scores(y_true: np.ndarray, score: np.ndarray) -> QueryScores:
    """Return every score of every query.

    Args:
        y_true: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,) the higher, the earlier in the order.
    """
    query, relevance = factorize(y_true[:, 1]), y_true[:, 0].astype(np.float64)
    n_candidates, first_row = np.bincount(query), np.unique(query, return_index=True)[1]
    is_measured = has_distinct_relevance(query, relevance)
    rows = is_measured[query]
    if not rows.any():
        return QueryScores(n_candidates, first_row, is_measured, {})
    measured = factorize(query[rows]), relevance[rows], score[rows].astype(np.float64)
    scores = {f"ndcg@{cutoff}": ndcg(*measured, cutoff) for cutoff in NDCG_CUTOFFS}
    scores |= {"map": query_average_precision(*measured), "pairwise_accuracy": pairwise_accuracy(*measured)}
    return QueryScores(n_candidates, first_row, is_measured, scores)


class RankingScorer:
    """NDCG at 5 and 10, MAP and pairwise accuracy: means over the measured queries; no scores if there are none.

    Args:
        y_true: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,).
    """

    def __init__(self, y_true: np.ndarray, score: np.ndarray) -> None:
        self._query_scores = query_scores(y_true, score)
        self._query = factorize(y_true[:, 1])

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        """Return the scores; a query weighs as much as its candidates do on average."""
        scores = self._query_scores
        weight = (np.bincount(self._query, sample_weight) / scores.n_candidates)[scores.is_measured]
        if not weight.any():
            return {}
        return {name: float(np.average(values, weights=weight)) for name, values in scores.scores.items()}

    def row_means(self) -> dict[str, RowMean]:
        """Return every score as a mean over the measured queries, (n_measured,) each."""
        return {name: RowMean(values) for name, values in self._query_scores.scores.items()}


def ndcg(query: np.ndarray, relevance: np.ndarray, score: np.ndarray, cutoff: int) -> np.ndarray:
    """Return the DCG of the first `cutoff` candidates over that of the best order.

    DCG = Σ (2^relevance - 1) / log2(1 + rank), rank from 1 (Järvelin and Kekäläinen 2002, "Cumulated gain-based
    evaluation of IR techniques"; the gain is that of Burges et al. 2005, "Learning to rank using gradient descent",
    section 6, and of LightGBM). Every query has a candidate with relevance above 0.
    """
    gain = np.exp2(relevance) - 1
    by_score, by_relevance = _Sorted.by(query, score), _Sorted.by(query, relevance)
    discount = np.where(by_score.rank < cutoff, 1 / np.log2(by_score.rank + 2), 0.0)
    shared = (np.bincount(by_score.tie, discount) / np.bincount(by_score.tie))[by_score.tie]
    dcg = np.bincount(query[by_score.order], gain[by_score.order] * shared)
    best_dcg = np.bincount(query[by_relevance.order], gain[by_relevance.order] * discount)  # both sort query by query
    share: np.ndarray = dcg / best_dcg
    return share


def query_average_precision(query: np.ndarray, relevance: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the mean, over the relevant candidates (relevance above 0), of the precision down to each of them.

    Average precision (Manning, Raghavan and Schütze 2008, "Introduction to information retrieval", section 8.4); its
    mean over the queries is MAP. If n candidates tie after t others, R relevant ones stand before the tie and r in it,
    then the candidate at rank t + 1 + i is relevant with probability r / n, and R + 1 + i (r - 1) / (n - 1) are
    relevant down to it.
    """
    order, rank, tie = _Sorted.by(query, score)
    is_relevant = (relevance[order] > 0).astype(np.float64)
    size, relevant = np.bincount(tie), np.bincount(tie, is_relevant)
    first = np.flatnonzero(np.diff(tie, prepend=-1))  # row of each tie
    before = (np.cumsum(is_relevant) - is_relevant)[first] - _counted_before_query(query[order], is_relevant)[first]
    inside = rank - rank[first][tie]
    expected = before[tie] + 1 + inside * ((relevant - 1) / np.maximum(size - 1, 1))[tie]
    precision = (relevant / size)[tie] * expected / (rank + 1)
    return np.bincount(query[order], precision) / np.bincount(query[order], is_relevant)


def pairwise_accuracy(query: np.ndarray, relevance: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return the share of pairs of different relevance whose more relevant candidate scores higher; ties count half.

    One pass for each grade, against all candidates of lower grades.
    """
    order, _, tie = _Sorted.by(query, -score)  # negated: by rising score
    key = np.empty(len(score), dtype=np.int64)
    key[order] = tie  # rises with the query, and within it with the score
    n_queries = int(query.max()) + 1
    low, high = np.full(n_queries, len(score)), np.zeros(n_queries, dtype=np.int64)
    np.minimum.at(low, query, key)
    np.maximum.at(high, query, key)
    n_correct, n_pairs = np.zeros(n_queries), np.zeros(n_queries)
    for grade in np.unique(relevance)[1:]:
        has_grade, lower = relevance == grade, np.sort(key[relevance < grade])
        of_grade, grade_key = query[has_grade], key[has_grade]
        begin, end = np.searchsorted(lower, low[of_grade]), np.searchsorted(lower, high[of_grade], side="right")
        below, up_to = np.searchsorted(lower, grade_key), np.searchsorted(lower, grade_key, side="right")
        n_correct += np.bincount(of_grade, (below - begin) + (up_to - below) / 2, n_queries)
        n_pairs += np.bincount(of_grade, end - begin, n_queries)
    share: np.ndarray = n_correct / n_pairs
    return share


class _Sorted(NamedTuple):
    """Rows sorted by query, and within each query by falling values.

    Attributes:
        order: (n_rows,) row indices.
        rank: (n_rows,) of each sorted row within its query, from 0.
        tie: (n_rows,) 0, 1, 2, ...: sorted rows of one query with equal values share a number.
    """

    order: np.ndarray
    rank: np.ndarray
    tie: np.ndarray

    @classmethod
    def by(cls, query: np.ndarray, values: np.ndarray) -> "_Sorted":
        order = np.lexsort((-values, query))
        is_first = np.diff(query[order], prepend=-1) != 0
        is_new = is_first | (np.diff(values[order], prepend=np.nan) != 0)
        starts = np.flatnonzero(is_first)
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        return cls(order, rank, np.cumsum(is_new) - 1)


def _counted_before_query(query: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return (n_rows,): the sum of `counted` before the first row of each row's query; rows are sorted by query."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    before = (np.cumsum(counted) - counted)[starts]
    return np.repeat(before, np.diff(starts, append=len(query)))
