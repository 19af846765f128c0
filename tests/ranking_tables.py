"""Candidates of queries whose relevance follows from some of their columns."""

import numpy as np
import polars as pl


def ranking_table(n_queries: int = 200, seed: int = 0) -> pl.DataFrame:
    """Columns query, x0 to x3, level, kind, relevance (0 to 4); 1 to 20 candidates a query, scattered over the table.

    Relevance follows from x0, |x1| and kind. To x0 a level is added that is the same for all candidates of a query:
    it says nothing of their order. x2 and x3 are noise.
    """
    draw = np.random.default_rng(seed)
    query = np.repeat(np.arange(n_queries), draw.integers(1, 21, n_queries))
    x, kind = draw.normal(size=(len(query), 4)), draw.integers(0, 3, len(query))
    signal = x[:, 0] + np.abs(x[:, 1]) + 0.8 * (kind == 2) + draw.normal(0, 0.3, len(query))
    level = draw.normal(size=n_queries)[query]
    x[:, 0] += level
    table = pl.DataFrame({
        "query": [f"q{number:03}" for number in query],
        **{f"x{k}": x[:, k].round(6) for k in range(4)},
        "level": level.round(6),
        "kind": np.array(["a", "b", "c"])[kind],
        "relevance": np.digitize(signal, [1.2, 2.0, 2.8, 3.6]),
    })  # fmt: skip
    return table[draw.permutation(table.height)]
