import numpy as np
import polars as pl

from relight.split.pairs import code_points


def test_code_points_of_small_letters_from_the_left() -> None:
    letters = code_points(pl.Series(["Ab", None, "ab", "é😀", "abcd"]), n_letters=3)
    assert (letters.dtype, letters.shape) == (np.int32, (5, 3))
    assert letters.tolist() == [[97, 98, 0], [0, 0, 0], [97, 98, 0], [0xE9, 0x1F600, 0], [97, 98, 99]]


def test_a_column_without_a_text() -> None:
    assert code_points(pl.Series([None, None], dtype=pl.String), 3).tolist() == [[0, 0, 0], [0, 0, 0]]
