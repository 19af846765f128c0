"""The short runs of letters of a text, and their places in a table by a hash that is the same on every machine.

Whole numbers of 64 bits that never overflow: a graph computes them as PyTorch does.
"""

import torch
from torch import Tensor

SPACE = ord(" ")
N_CODE_POINTS = 0x110000  # of Unicode; its third power is below 2**63
PRIME = 1_000_003  # tells the n-grams apart whose last letters differ by a multiple of the buckets


def ngrams(letters: Tensor) -> Tensor:
    """Of ` text ` the pairs and triples of neighbours, each as a number of its own; 0 beyond the end.

    **Shape**: (..., n_letters) code points, 0 behind the text, in; (..., 2 * (n_letters - 1)) int64 out: the pairs,
    then the triples. Of a text that fills all letters nothing is known of what follows, and no end.
    """
    padded = _with_spaces(letters.long())
    first, second, third = padded[..., :-2], padded[..., 1:-1], padded[..., 2:]
    pairs = (first * N_CODE_POINTS + second) * N_CODE_POINTS
    return torch.cat([pairs * (second > 0), (pairs + third) * (third > 0)], dim=-1)


def codes_of(ngrams: Tensor, n_buckets: int) -> Tensor:
    """The place of each n-gram, 1 to n_buckets; 0 for none. **Shape**: any, int64; the same out."""
    return (1 + ngrams % PRIME % n_buckets) * (ngrams > 0)


def _with_spaces(letters: Tensor) -> Tensor:
    """A space before the text and one behind it, if there is a text; (..., 1 + n_letters)."""
    is_there = (letters[..., :1] > 0).long()
    padded = torch.cat([SPACE * is_there, letters], dim=-1)
    ends = (padded[..., 1:] == 0) & (padded[..., :-1] > 0)
    return torch.cat([padded[..., :1], padded[..., 1:] + SPACE * ends], dim=-1)
