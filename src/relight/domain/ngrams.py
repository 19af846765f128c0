"""A text as numbers: the places of its short runs of letters, by a hash that is the same on every machine."""

import zlib

import numpy as np
import polars as pl

N_BUCKETS = 4096
N_SLOTS = 48  # a text of 24 letters; of a longer one its beginning
LENGTHS = (2, 3)


def ngrams(text: str) -> list[str]:
    """Of ` text ` in small letters, the pairs and triples of neighbours, from left to right."""
    padded = f" {text.lower()} "
    return [padded[at : at + n] for at in range(len(padded)) for n in LENGTHS if at + n <= len(padded)]


def ngram_codes(texts: pl.Series, n_buckets: int = N_BUCKETS, n_slots: int = N_SLOTS) -> np.ndarray:
    """Codes 1 to n_buckets of each text, int32 (n_rows, n_slots); 0 for an empty slot, all of them for a gap.

    Of n-grams beyond the slots nothing is known. The hash is CRC-32 of their UTF-8.
    """
    levels = texts.drop_nulls().unique().sort()
    of_level = np.zeros((len(levels) + 1, n_slots), dtype=np.int32)
    for place, text in enumerate(levels, start=1):
        codes = [1 + zlib.crc32(gram.encode()) % n_buckets for gram in ngrams(text)[:n_slots]]
        of_level[place, : len(codes)] = codes
    places = texts.cast(pl.Enum(levels)).to_physical().cast(pl.Int64) + 1
    codes_of: np.ndarray = of_level[places.fill_null(0).to_numpy()]
    return codes_of
