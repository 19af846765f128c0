import polars as pl
import torch

from relight.data.features import PairFeatures
from relight.model.networks.tower import Spelling, codes_of, ngrams
from relight.split.pairs import letters_of

KNOWN = PairFeatures(left="left_", right="right_", texts=["a"], n_letters=25, n_buckets=64)


def test_letters_of_both_sides_become_codes_and_the_rest_stays() -> None:
    letters = [torch.from_numpy(letters_of(pl.Series([text, None]))).unsqueeze(1) for text in ("anna", "ann")]
    numeric, categories = torch.rand(2, 3), torch.ones(2, 1, dtype=torch.int32)
    given = (numeric, categories, letters[0], numeric + 1, categories + 1, letters[1])
    coded = Spelling(KNOWN)(*given)
    for place in (0, 1, 3, 4):
        assert coded[place] is given[place]
    for place in (2, 5):
        assert (coded[place].dtype, coded[place].shape) == (torch.int32, (2, 1, 48))
        assert torch.equal(coded[place].long(), codes_of(ngrams(given[place]), 64))
        assert coded[place][1].eq(0).all()
    assert not list(Spelling(KNOWN).parameters())
