import zlib

import numpy as np
import polars as pl

from relight.domain.ngrams import ngram_codes, ngrams


def test_pairs_and_triples_of_a_padded_text_in_small_letters() -> None:
    assert ngrams("Ab") == [" a", " ab", "ab", "ab ", "b "]
    assert ngrams("") == ["  "]


def test_codes_are_crc32_in_buckets_from_1_in_slots_from_the_left() -> None:
    codes = ngram_codes(pl.Series(["Ab", None, "ab", "abc"]), n_buckets=100, n_slots=4)
    of_ab = [1 + zlib.crc32(gram) % 100 for gram in (b" a", b" ab", b"ab", b"ab ")]
    assert (codes.dtype, codes.shape) == (np.int32, (4, 4))
    assert codes[0].tolist() == codes[2].tolist() == of_ab
    assert codes[1].tolist() == [0, 0, 0, 0]
    assert codes[3].tolist() == [*of_ab[:3], 1 + zlib.crc32(b"abc") % 100]


def test_crc32_is_the_one_of_every_machine() -> None:
    """CRC-32 of "123456789" is 0xCBF43926 (the check value of its definition)."""
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert ngram_codes(pl.Series(["é"]), 4096, 1).tolist() == [[1 + zlib.crc32(" é".encode()) % 4096]]


def test_a_column_without_a_text() -> None:
    assert ngram_codes(pl.Series([None, None], dtype=pl.String), 8, 3).tolist() == [[0, 0, 0], [0, 0, 0]]
