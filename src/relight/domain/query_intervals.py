"""How far the scores of a ranking would have moved with other test queries."""

import numpy as np

from relight.domain.ranking_metrics import query_scores


def resampled_queries(target: np.ndarray, score: np.ndarray, *, n_resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Each score of each resample, (n_resamples,).

    Whole queries are drawn, with replacement, out of those that are measured: the candidates of one query are no
    independent draws (Sakai 2006, "Evaluating evaluation metrics based on the bootstrap", section 2).

    Args:
        target: (n_rows, 2) relevance and the number of the query.
        score: (n_rows,).
    """
    values, generator = query_scores(target, score).values, np.random.default_rng(seed)
    n_queries = len(next(iter(values.values()), ()))
    means: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(n_resamples if n_queries else 0):
        drawn = generator.integers(n_queries, size=n_queries)
        for name, of_queries in values.items():
            means[name].append(float(of_queries[drawn].mean()))
    return {name: np.array(drawn) for name, drawn in means.items()}
