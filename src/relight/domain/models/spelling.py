"""What stands before the tower: letters → the places of their n-grams, once and not in every step of training."""

from torch import Tensor, nn

from relight.domain.features import PairFeatures
from relight.domain.ngrams import codes_of, ngrams


class Spelling(nn.Module):
    """Both sides of pairs with letters in, with codes of n-grams out; it learns nothing.

    **Shape**: of each side numbers and categories, as they are, then (n_rows, n_texts, n_letters) int32 code points,
    0 behind the text, in; in their place (n_rows, n_texts, 2 * (n_letters - 1)) int32 codes, 0 for no n-gram, out.
    """

    def __init__(self, pairs: PairFeatures) -> None:
        super().__init__()
        self.n_buckets = pairs.n_buckets
        self.d_widest = 8 * len(pairs.texts) * pairs.n_letters  # of both sides, in numbers of 64 bits

    def forward(self, *sides: Tensor) -> tuple[Tensor, ...]:
        left, right = sides[:3], sides[3:]
        return *left[:2], self.codes(left[2]), *right[:2], self.codes(right[2])

    def codes(self, letters: Tensor) -> Tensor:
        """Of one side."""
        return codes_of(ngrams(letters), self.n_buckets).int()
