"""A text as numbers: the code points of its letters."""

import numpy as np
import polars as pl

N_LETTERS = 25  # of a longer text its beginning
N_BUCKETS = 4096  # places for the n-grams of all texts


def letters_of(texts: pl.Series, n_letters: int = N_LETTERS) -> np.ndarray:
    """Code points of each text in small letters, int32 (n_rows, n_letters); 0 behind its end, all of them for a gap."""
    levels = texts.drop_nulls().unique().sort()
    of_level = np.zeros((len(levels) + 1, n_letters), dtype=np.int32)
    for place, text in enumerate(levels, start=1):
        letters = np.frombuffer(text.lower()[:n_letters].encode("utf-32-le"), dtype="<u4")
        of_level[place, : len(letters)] = letters
    places = texts.cast(pl.Enum(levels)).to_physical().cast(pl.Int64) + 1
    letters_of_rows: np.ndarray = of_level[places.fill_null(0).to_numpy()]
    return letters_of_rows
