import polars as pl
import torch

from relight.model.networks.tower import NgramHasher, hash_ngrams, ngrams
from relight.split.pairs import code_points


def test_letters_of_both_sides_become_codes_and_the_rest_stays() -> None:
    letters = [torch.from_numpy(code_points(pl.Series([text, None]))).unsqueeze(1) for text in ("anna", "ann")]
    numeric, categories = torch.rand(2, 3), torch.ones(2, 1, dtype=torch.int32)
    given = (numeric, categories, letters[0], numeric + 1, categories + 1, letters[1])
    hasher = NgramHasher(n_texts=1, n_letters=25, n_buckets=64)
    coded = hasher(*given)
    for index in (0, 1, 3, 4):
        assert coded[index] is given[index]
    for index in (2, 5):
        assert (coded[index].dtype, coded[index].shape) == (torch.int32, (2, 1, 48))
        assert torch.equal(coded[index].long(), hash_ngrams(ngrams(given[index]), 64))
        assert coded[index][1].eq(0).all()
    assert not list(hasher.parameters())
