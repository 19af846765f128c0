import polars as pl

from relight.plot.task_figures import plot_ndcg_by_size


def test_each_measured_query_is_a_point_and_sizes_have_their_means() -> None:
    table = pl.DataFrame({
        "query": list("abcdef"), "candidates": [2, 2, 2, 9, 9, 1], "ndcg@10": [1.0, 0.5, 0.6, 0.2, 0.4, None],
    })  # fmt: skip
    (axes,) = plot_ndcg_by_size(table).axes
    assert len(axes.collections[0].get_offsets()) == 5
    means = axes.lines[0].get_xydata()
    assert [[round(float(value), 6) for value in pair] for pair in means] == [[2.0, 0.7], [9.0, 0.3]]
