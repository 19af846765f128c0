"""How well scores order the candidates of each query.

Only queries whose candidates differ in relevance are measured: of the others every order is as good. Of equal scores
every order is as likely, and each measure is its expected value (McSherry and Najork 2008, "Computing information
retrieval performance measures efficiently in the presence of tied scores"). So the scores of a constant are exactly
those that a random order has on average.

**Shape** of all functions here
    - query: (n_rows,) from 0 to n_queries - 1, each of them there, in any order
    - relevance, score: (n_rows,) float64
    - output: (n_queries,) float64
"""

from typing import NamedTuple

import numpy as np

from relight.data.groups import factorize, has_distinct_relevance

NDCG_CUTOFFS = (5, 10)


class QueryScores(NamedTuple):
    """
    Attributes:
        n_candidates: (n_queries,) of each query, in the order of first appearance.
        row: (n_queries,) the place of the first of them.
        is_measured: (n_queries,) bool: whether the candidates differ in relevance.
        values: of each score, of the measured queries alone, (n_measured,).
    """

    n_candidates: np.ndarray
    first_row: np.ndarray
    is_measured: np.ndarray
    scores: dict[str, np.ndarray]


def query_scores(y_true: np.ndarray, score: np.ndarray) -> QueryScores:
    """Every score of every query.

    Args:
        target: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,) the higher, the earlier in the order.
    """
    query, relevance = factorize(y_true[:, 1]), y_true[:, 0].astype(np.float64)
    n_candidates, row = np.bincount(query), np.unique(query, return_index=True)[1]
    is_measured = has_distinct_relevance(query, relevance)
    rows = is_measured[query]
    if not rows.any():
        return QueryScores(n_candidates, row, is_measured, {})
    measured = factorize(query[rows]), relevance[rows], score[rows].astype(np.float64)
    values = {f"ndcg@{cut}": ndcg(*measured, cut) for cut in NDCG_CUTOFFS}
    values |= {"map": query_average_precision(*measured), "pairwise_accuracy": pairwise_accuracy(*measured)}
    return QueryScores(n_candidates, row, is_measured, values)


class RankingScorer:
    """NDCG at 5 and 10, MAP and pairwise accuracy: the means over the measured queries; nothing where there are none.

    Args:
        target: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,).
    """

    def __init__(self, y_true: np.ndarray, score: np.ndarray) -> None:
        self._query_scores = query_scores(y_true, score)
        self._query = factorize(y_true[:, 1])

    def __call__(self, sample_weight: np.ndarray) -> dict[str, float]:
        """A query weighs as much as its candidates do on average."""
        scores = self._query_scores
        of_queries = (np.bincount(self._query, sample_weight) / scores.n_candidates)[scores.is_measured]
        if not of_queries.any():
            return {}
        return {name: float(np.average(values, weights=of_queries)) for name, values in scores.scores.items()}


def ndcg(query: np.ndarray, relevance: np.ndarray, score: np.ndarray, cut: int) -> np.ndarray:
    """DCG of the first `cut` candidates over that of the best order.

    DCG = Σ (2^relevance - 1) / log2(1 + rank), rank from 1 (Järvelin and Kekäläinen 2002, "Cumulated gain-based
    evaluation of IR techniques"; the gain is that of Burges et al. 2005, "Learning to rank using gradient descent",
    section 6, and of LightGBM). Every query has a candidate with relevance above 0.
    """
    gain = np.exp2(relevance) - 1
    by_score, by_relevance = _Sorted.by(query, score), _Sorted.by(query, relevance)
    discount = np.where(by_score.rank < cut, 1 / np.log2(by_score.rank + 2), 0.0)
    shared = (np.bincount(by_score.tie, discount) / np.bincount(by_score.tie))[by_score.tie]
    dcg = np.bincount(query[by_score.order], gain[by_score.order] * shared)
    best_dcg = np.bincount(query[by_relevance.order], gain[by_relevance.order] * discount)  # the same places of queries
    share: np.ndarray = dcg / best_dcg
    return share


def query_average_precision(query: np.ndarray, relevance: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The mean over the relevant candidates (relevance above 0) of the share of relevant ones down to there.

    Average precision (Manning, Raghavan and Schütze 2008, "Introduction to information retrieval", section 8.4); its
    mean over the queries is MAP. Of n tied candidates after t others, r and R of them relevant, the one at place
    t + 1 + i is relevant with chance r / n, and R + 1 + i (r - 1) / (n - 1) are relevant down to there.
    """
    order, rank, tie = _Sorted.by(query, score)
    is_relevant = (relevance[order] > 0).astype(np.float64)
    size, relevant = np.bincount(tie), np.bincount(tie, is_relevant)
    first = np.flatnonzero(np.diff(tie, prepend=-1))  # of each tie
    before = (np.cumsum(is_relevant) - is_relevant)[first] - _counted_before_query(query[order], is_relevant)[first]
    inside = rank - rank[first][tie]
    expected = before[tie] + 1 + inside * ((relevant - 1) / np.maximum(size - 1, 1))[tie]
    precision = (relevant / size)[tie] * expected / (rank + 1)
    return np.bincount(query[order], precision) / np.bincount(query[order], is_relevant)


def pairwise_accuracy(query: np.ndarray, relevance: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The share of pairs of different relevance whose more relevant candidate has the higher score; ties count half.

    One pass for each grade, against all candidates of lower grades.
    """
    order, _, tie = _Sorted.by(query, -score)  # of falling negatives: rising scores
    key = np.empty(len(score), dtype=np.int64)
    key[order] = tie  # rises with the query, and within it with the score
    n_queries = int(query.max()) + 1
    low, high = np.full(n_queries, len(score)), np.zeros(n_queries, dtype=np.int64)
    np.minimum.at(low, query, key)
    np.maximum.at(high, query, key)
    right, pairs = np.zeros(n_queries), np.zeros(n_queries)
    for grade in np.unique(relevance)[1:]:
        of_grade, lower = relevance == grade, np.sort(key[relevance < grade])
        of, mine = query[of_grade], key[of_grade]
        begin, end = np.searchsorted(lower, low[of]), np.searchsorted(lower, high[of], side="right")
        below, up_to = np.searchsorted(lower, mine), np.searchsorted(lower, mine, side="right")
        right += np.bincount(of, (below - begin) + (up_to - below) / 2, n_queries)
        pairs += np.bincount(of, end - begin, n_queries)
    share: np.ndarray = right / pairs
    return share


class _Sorted(NamedTuple):
    """Rows query by query, within each by falling values.

    Attributes:
        order: (n_rows,) places of the rows.
        place: (n_rows,) of each sorted row in its query, from 0.
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
    """(n_rows,): how many are counted before the first row of each row's query; rows lie query by query."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    before = (np.cumsum(counted) - counted)[starts]
    return np.repeat(before, np.diff(starts, append=len(query)))
