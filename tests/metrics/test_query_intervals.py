import numpy as np

from relight.metrics.bootstrap import bootstrap_intervals, bootstrap_query_scores


def drawn_target(n_queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs, of which a share of 0.7 is in the right order."""
    query = np.repeat(np.arange(n_queries), 2)
    right = np.random.default_rng(0).random(n_queries) < 0.7
    score = np.column_stack([right, ~right]).reshape(-1).astype(float)
    return np.column_stack([np.tile([1.0, 0.0], n_queries), query]), score


def test_an_interval_is_that_of_a_share_of_queries() -> None:
    target, score = drawn_target(400)
    share = score[::2].mean()
    low, high = bootstrap_intervals("ranking", target, score, n_resamples=2000, seed=0)["pairwise_accuracy"]
    expected = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert abs(low - (share - expected)) < 0.006
    assert abs(high - (share + expected)) < 0.006


def test_queries_without_an_order_move_nothing() -> None:
    target, score = drawn_target(20)
    more = np.concatenate([target, [[1.0, 99], [2.0, 98], [2.0, 98]]])
    few = bootstrap_query_scores(target, score, n_resamples=5, seed=3)
    extended = bootstrap_query_scores(more, np.append(score, [5.0, 6, 7]), n_resamples=5, seed=3)
    assert all(np.array_equal(few[name], extended[name]) for name in few)


def test_without_an_order_there_is_no_interval() -> None:
    assert bootstrap_query_scores(np.array([[1.0, 0], [1.0, 0]]), np.zeros(2), n_resamples=5, seed=0) == {}
