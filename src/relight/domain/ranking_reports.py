"""Tables of what a model said of the candidates of each query."""

import numpy as np
import polars as pl

from relight.domain.labelled import LabelledRows
from relight.domain.ranking_metrics import query_scores

SCORE = "ndcg@10"


def ranked_candidates(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """One line for each test row: row, query, target (its relevance), prediction (its score)."""
    known = {"row": test.row, "query": query, "target": test.target[:, 0], "prediction": predicted}
    return pl.DataFrame(known)


def queries(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """One line for each query, in the order of first appearance: query, candidates, ndcg@10.

    Empty where every order is as good.
    """
    known = query_scores(test.target, predicted)
    score = np.full(len(known.row), np.nan)
    score[known.is_measured] = known.values.get(SCORE, np.nan)
    columns = {"query": query[known.row], "candidates": known.n_candidates}
    return pl.DataFrame({**columns, SCORE: pl.Series(score).fill_nan(None)})
