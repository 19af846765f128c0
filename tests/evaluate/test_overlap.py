import numpy as np
import polars as pl
import pytest

from relight.evaluate.baselines import record_overlap
from relight.split.pairs import code_points


def test_the_share_of_common_n_grams_by_hand() -> None:
    """` aaa ` has the n-grams [ a], [ aa], [aa], [aaa], [aa ], [a ], one of them twice, ` aa ` all but [aaa]: 5 of 6;
    a number that differs: 0; a category with a gap is left out."""
    arrays = {
        "left_numeric": np.array([[1.0], [np.nan]], np.float32),
        "right_numeric": np.array([[2.0], [1.0]], np.float32),
        "left_categories": np.array([[0], [0]], np.int32),
        "right_categories": np.array([[1], [1]], np.int32),
        "left_letters": code_points(pl.Series(["aaa", None])).reshape(2, 1, -1),
        "right_letters": code_points(pl.Series(["Aa", "b"])).reshape(2, 1, -1),
    }
    assert record_overlap(arrays).tolist() == pytest.approx([(5 / 6 + 0) / 2, 0.5])
