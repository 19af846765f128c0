import numpy as np
import pytest

from relight.domain.overlap import overlap


def test_the_share_of_common_n_grams_by_hand() -> None:
    """Texts {1, 2, 3} and {2, 3, 4}: 2 of 4; a number that differs: 0; a category with a gap is left out."""
    arrays = {
        "left_numeric": np.array([[1.0], [np.nan]], np.float32),
        "right_numeric": np.array([[2.0], [1.0]], np.float32),
        "left_categories": np.array([[0], [0]], np.int32),
        "right_categories": np.array([[1], [1]], np.int32),
        "left_text": np.array([[[1, 2, 2, 3]], [[0, 0, 0, 0]]], np.int32),
        "right_text": np.array([[[2, 3, 4, 0]], [[1, 0, 0, 0]]], np.int32),
    }
    assert overlap(arrays).tolist() == pytest.approx([(0.5 + 0) / 2, 0.5])
