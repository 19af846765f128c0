"""What a person should know of the queries behind the scores of a ranking, in whole sentences."""

import numpy as np

from relight.domain.ranking_metrics import query_scores

FEW = 50  # queries: their mean score is rough


def remarks_on_queries(part: str, target: np.ndarray) -> list[str]:
    """Of one part.

    Args:
        target: (n_rows, 2) relevance and the number of the query.
    """
    known = query_scores(target, np.zeros(len(target)))
    n_measured, is_alone = int(known.is_measured.sum()), known.n_candidates == 1
    alone, equal = int(is_alone.sum()), int((~known.is_measured & ~is_alone).sum())
    left_out = f"; left out of the scores: {alone} with one candidate, {equal} whose relevances are all equal"
    said = {
        f"Queries of the {part} part: {len(known.row)}{left_out if alone or equal else ''}.": True,
        f"The {part} part measures {n_measured} queries: its scores are rough.": part == "test" and n_measured < FEW,
    }
    return [sentence for sentence, holds in said.items() if holds]
