import numpy as np
import polars as pl
import pytest

from relight.evaluate.inputs import labelled_rows
from relight.evaluate.table import candidates_table, queries_table

ROWS = labelled_rows(
    "ranking",
    {
        "numeric": np.zeros((4, 1), dtype=np.float32),
        "categories": np.zeros((4, 0), dtype=np.int32),
        "target": np.array([[1], [3], [0], [2]], dtype=np.float32),
        "query": np.array([0, 1, 0, 2], dtype=np.int32),
        "row": np.array([3, 5, 8, 9]),
    },
)
SAID, NAMES = np.array([0.1, 0.5, 0.7, 0.2], dtype=np.float32), pl.Series("q", ["x", "y", "x", "z"])


def test_candidates_stand_with_their_query_and_relevance() -> None:
    table = candidates_table(ROWS, SAID, NAMES)
    assert table.columns == ["row", "query", "target", "prediction"]
    assert table.row(2) == (8, "x", 0.0, pytest.approx(0.7))


def test_each_query_has_a_line_and_a_score_where_there_is_an_order() -> None:
    table = queries_table(ROWS, SAID, NAMES)
    assert table.rows() == [("x", 2, pytest.approx(1 / np.log2(3))), ("y", 1, None), ("z", 1, None)]
