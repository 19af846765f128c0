from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from relight.metrics.ranking import RankingScorer, ndcg, pairwise_accuracy, query_average_precision, query_scores

ONE = np.zeros(4, dtype=int)


def drawn(*, ties: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of 40 queries, scattered; each query has relevant and irrelevant candidates."""
    draw = np.random.default_rng(1)
    query = np.concatenate([np.repeat(np.arange(40), 2), draw.integers(0, 40, 300)])
    relevance = np.concatenate([np.tile([0.0, 3.0], 40), draw.integers(0, 4, 300)])
    score = draw.integers(0, 4, 380) if ties else draw.permutation(380)
    order = draw.permutation(380)
    return query[order], relevance[order], score[order].astype(float)


def test_ndcg_by_hand() -> None:
    # In the order of the scores the gains are 1, 7, 0, 3; the best order is 7, 3, 1, 0.
    # DCG@2 = 1 / log2(2) + 7 / log2(3), best: 7 / log2(2) + 3 / log2(3)
    relevance, score = np.array([3.0, 1.0, 0.0, 2.0]), np.array([0.8, 0.9, 0.2, 0.1])
    expected = (1 + 7 / np.log2(3)) / (7 + 3 / np.log2(3))
    assert ndcg(ONE, relevance, score, 2) == pytest.approx([expected])


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("cut", [1, 5, 10, 100])
def test_ndcg_is_that_of_scikit_learn(ties: bool, cut: int) -> None:
    query, relevance, score = drawn(ties=ties)
    of_sklearn = [
        ndcg_score([2 ** relevance[query == q] - 1], [score[query == q]], k=cut) for q in range(40)
    ]  # fmt: skip
    assert ndcg(query, relevance, score, cut) == pytest.approx(of_sklearn, abs=1e-12)


def test_average_precision_by_hand() -> None:
    # Relevant at ranks 1 and 3: (1/1 + 2/3) / 2
    relevance, score = np.array([0.0, 2.0, 1.0, 0.0]), np.array([3.0, 4.0, 2.0, 1.0])
    assert query_average_precision(ONE, relevance, score) == pytest.approx([(1 + 2 / 3) / 2])


def test_average_precision_is_that_of_scikit_learn_without_ties() -> None:
    query, relevance, score = drawn(ties=False)
    of_sklearn = [average_precision_score(relevance[query == q] > 0, score[query == q]) for q in range(40)]
    assert query_average_precision(query, relevance, score) == pytest.approx(of_sklearn)


@pytest.mark.parametrize("score", [[1, 1, 1, 1, 1], [2, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 2, 2, 1, 1]])
def test_of_tied_candidates_each_score_is_the_mean_over_all_orders(score: list[float]) -> None:
    relevance, values, query = np.array([0.0, 2.0, 1.0, 0.0, 1.0]), np.array(score, dtype=float), np.zeros(5, dtype=int)
    orders = [np.array(order) for order in permutations(range(5))]
    broken = [values - 1e-3 * np.argsort(order) for order in orders]
    for measure in (lambda *rows: ndcg(*rows, 3), query_average_precision, pairwise_accuracy):
        expected = np.mean([measure(query, relevance, each) for each in broken])
        assert measure(query, relevance, values) == pytest.approx([expected])


@pytest.mark.parametrize("ties", [False, True])
def test_pairwise_accuracy_is_that_of_all_pairs(ties: bool) -> None:
    query, relevance, score = drawn(ties=ties)
    expected = []
    for q in range(40):
        r, s = relevance[query == q], score[query == q]
        higher = r[:, None] > r[None, :]
        expected.append((higher * (np.sign(s[:, None] - s[None, :]) + 1) / 2).sum() / higher.sum())
    assert pairwise_accuracy(query, relevance, score) == pytest.approx(expected)


def test_a_perfect_order_scores_1_whatever_the_size_of_the_scores() -> None:
    query, relevance, _ = drawn(ties=False)
    scores = RankingScorer(np.column_stack([relevance, query]), relevance * 1e-30)(np.ones(380))
    assert scores == {"ndcg@5": 1.0, "ndcg@10": 1.0, "map": 1.0, "pairwise_accuracy": 1.0}


def test_queries_without_an_order_are_counted_and_left_out() -> None:
    # Query 7 ranks its two candidates wrong; 3 has one candidate, 9 two of the same relevance, 5 none relevant.
    target = np.array([[1, 7], [2, 3], [0, 7], [1, 9], [1, 9], [0, 5], [0, 5]])
    scores = query_scores(target, np.array([0.1, 5, 0.2, 1, 2, 3, 4]))
    assert scores.n_candidates.tolist() == [2, 1, 2, 2]
    assert scores.first_row.tolist() == [0, 1, 3, 5]
    assert scores.is_measured.tolist() == [True, False, False, False]
    assert scores.scores["map"].tolist() == [0.5]
    assert scores.scores["pairwise_accuracy"].tolist() == [0.0]
    assert scores.scores["ndcg@5"] == pytest.approx([1 / np.log2(3)])


def test_without_any_order_there_are_no_scores() -> None:
    assert RankingScorer(np.array([[1, 0], [1, 0], [2, 1]]), np.arange(3.0))(np.ones(3)) == {}


def test_a_query_weighs_as_its_candidates_do() -> None:
    target = np.array([[1, 0], [0, 0], [1, 1], [0, 1]])
    score = RankingScorer(target, np.array([1.0, 0, 0, 1]))  # the first query is right, the second wrong
    assert score(np.array([1.0, 1, 3, 3]))["pairwise_accuracy"] == pytest.approx(0.25)
