import numpy as np

from relight.evaluate.diagnostics import sample_query_rows


def test_a_sample_has_whole_queries_and_at_most_5000_rows() -> None:
    query = np.random.default_rng(0).permutation(np.repeat(np.arange(1000), 9))
    target = np.column_stack([np.arange(9000) % 2, query])
    target[query == 7, 0] = 1
    rows = sample_query_rows(target, seed=0)
    kept, counts = np.unique(query[rows], return_counts=True)
    assert (len(kept), set(counts)) == (555, {9})
    assert 7 not in kept
    assert np.array_equal(rows, sample_query_rows(target, seed=0))
    assert not np.array_equal(rows, sample_query_rows(target, seed=1))


def test_one_long_query_is_kept_whole() -> None:
    target = np.column_stack([np.arange(6000) % 3, np.zeros(6000)])
    assert len(sample_query_rows(target, seed=0)) == 6000
