"""evaluate, for the candidates of queries: what their tables say beside those of independent rows."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.labelled import LabelledRows
from relight.domain.ranking_reports import queries, ranked_candidates
from relight.domain.schema import Schema
from relight.io.table_batches import read_columns


def ranking_tables(found: Schema, table: Path, test: LabelledRows, predicted: np.ndarray) -> dict[str, pl.DataFrame]:
    """The test rows with their queries, and the score of each query; nothing for other tasks."""
    if found.query is None:
        return {}
    query = read_columns(table, [found.query])[found.query][test.row]
    return {
        "predictions": ranked_candidates(test, predicted, query),
        "queries": queries(test, predicted, query),
    }
