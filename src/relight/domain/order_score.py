"""The score of a ranking that early stopping looks at."""

from collections.abc import Callable

from torch import Tensor

from relight.domain.queries import by_first_appearance, have_an_order
from relight.domain.ranking_metrics import ndcg

CUT = 10


def order_score(target: Tensor) -> Callable[[Tensor], float]:
    """Scores (n_rows,) on the CPU → 1 - NDCG@10, the mean over the queries whose candidates differ in relevance.

    Args:
        target: (n_rows, 2) relevance, and the number of the query.
    """
    relevance, query = target.double().numpy().T
    query = by_first_appearance(query)
    rows = have_an_order(query, relevance)[query]
    query, relevance = by_first_appearance(query[rows]), relevance[rows]
    return lambda scores: 1 - float(ndcg(query, relevance, scores.double().numpy()[rows], CUT).mean())
