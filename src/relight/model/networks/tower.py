"""Siamese tower, n-gram hashing.

The short runs of letters of a text, and their places in a table by a hash that is the same on every machine.

Whole numbers of 64 bits that never overflow: a graph computes them as PyTorch does.

What stands before the tower: letters → the places of their n-grams, once and not in every step of training.

One tower for both sides of a pair: a record → a point; records of the same thing lie near each other.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from relight.data.features import Features, NumericFeature, PairFeatures
from relight.model.checks import columns_to_keep
from relight.model.params import TowerParams

SPACE = ord(" ")
N_CODE_POINTS = 0x110000  # of Unicode; its third power is below 2**63
PRIME = 1_000_003  # tells the n-grams apart whose last letters differ by a multiple of the buckets
SLOWEST, FASTEST = 0.25, 32.0  # turns of a number's point, in radians for each standard deviation


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


class Numbers(nn.Module):
    """Each number → a point on a sphere, by sines and cosines of its own frequencies.

    Two points are near each other where the numbers are, and no farther apart for ten deviations than for three
    (Rahimi and Recht 2007, "Random features for large-scale kernel machines"). The frequencies learn.

    **Shape**: (n_rows, n_numbers) standardized in, (n_rows, n_numbers, d_embedding) out; each of length 1.
    """

    def __init__(self, n_numbers: int, d_embedding: int) -> None:
        super().__init__()
        grid = torch.logspace(0, 1, d_embedding // 2, base=FASTEST / SLOWEST) * SLOWEST
        self.frequencies = nn.Parameter(grid.repeat(n_numbers, 1))

    def forward(self, numbers: Tensor) -> Tensor:
        turned = numbers.unsqueeze(2) * self.frequencies
        scale: float = self.frequencies.shape[1] ** -0.5
        return torch.cat([turned.sin(), turned.cos()], dim=2) * scale


class Levels(nn.Module):
    """Each category → a learned point of length 1; code 0 → the origin.

    **Shape**: (n_rows, n_categories) codes in, (n_rows, n_categories, d_embedding) out.
    """

    def __init__(self, n_levels: list[int], d_embedding: int) -> None:
        super().__init__()
        self.points = nn.ModuleList(nn.Embedding(n + 1, d_embedding, padding_idx=0) for n in n_levels)

    def forward(self, codes: Tensor) -> Tensor:
        found = [points(codes[:, place].long()) for place, points in enumerate(self.points)]
        return functional.normalize(torch.stack(found, dim=1), dim=2, eps=1e-6)


class Texts(nn.Module):
    """Each text → the sum of the learned points of its n-grams, at length 1; no text → the origin.

    One table for all columns: after them stands the sum over them all, where a first name and a surname that have
    changed places are the same as before.

    **Shape**: (n_rows, n_texts, n_slots) codes in, 0 for an empty slot; (n_rows, n_points, d_embedding) out, where
    n_points is n_texts, and one more where there are several.
    """

    def __init__(self, n_texts: int, n_buckets: int, d_embedding: int) -> None:
        super().__init__()
        self.n_points = n_texts + (n_texts > 1)
        self.points: nn.Module = nn.EmbeddingBag(n_buckets + 1, d_embedding, mode="sum", padding_idx=0)

    def forward(self, codes: Tensor) -> Tensor:
        n_rows, n_texts, n_slots = codes.shape
        sums = self.points(codes.reshape(n_rows * n_texts, n_slots)).reshape(n_rows, n_texts, -1)
        if n_texts > 1:
            sums = torch.cat([sums, sums.sum(dim=1, keepdim=True)], dim=1)
        return functional.normalize(sums, dim=2, eps=1e-6)


class Tower(nn.Module):
    """A record → its columns as points, each weighed by how much it says, side by side.

    The square of the distance of two records is the weighted sum of those of their columns: 0 where a column is the
    same, 2 where it has nothing in common, and 1 where one side has a gap.

    **Shape**
        - numeric: (n_rows, n_numeric) float32, NaN for a gap
        - categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level
        - text: (n_rows, n_texts, n_slots) int32 n-gram codes, 0 for an empty slot
        - output: (n_rows, n_points * d_embedding)

    Attributes:
        strength: (n_points,) the logarithm of each column's weight; learned.
    """

    mean: Tensor
    std: Tensor
    keep: Tensor

    def __init__(self, features: Features, pairs: PairFeatures, params: TowerParams) -> None:
        super().__init__()
        kept = columns_to_keep(features, "standardize")
        n_levels, width = [len(feature.levels) for feature in features.categorical], params.d_embedding // 2 * 2
        _buffers(self, [features.numeric[place] for place in kept], kept)
        self.numbers = Numbers(len(kept), width) if kept else None
        self.levels = Levels(n_levels, width) if n_levels else None
        self.texts = Texts(len(pairs.texts), pairs.n_buckets, width) if pairs.texts else None
        n_points = len(kept) + len(n_levels) + (self.texts.n_points if self.texts else 0)
        self.strength = nn.Parameter(torch.full((n_points,), 1 / n_points).log() / 2)
        self.d_widest = n_points * width

    def forward(self, numeric: Tensor, categories: Tensor, text: Tensor) -> Tensor:
        points = torch.cat(list(self._points(numeric, categories, text)), dim=1)  # (n_rows, n_points, d_embedding)
        return (points * self.strength.exp().unsqueeze(1)).flatten(1)

    def _points(self, numeric: Tensor, categories: Tensor, text: Tensor) -> Iterator[Tensor]:
        if self.numbers is not None:
            scaled = (numeric.index_select(1, self.keep) - self.mean) / self.std
            gaps = scaled.isnan()
            yield self.numbers(scaled.masked_fill(gaps, 0.0)).masked_fill(gaps.unsqueeze(2), 0.0)
        if self.levels is not None:
            yield self.levels(categories)
        if self.texts is not None:
            yield self.texts(text)


class Apart(nn.Module):
    """Both sides through the one tower, and how far apart they are. **Shape**: as `Tower`, twice; (n_rows, 1) out."""

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower
        self.distance = nn.PairwiseDistance(eps=0.0, keepdim=True)  # with eps, left to right is not right to left

    def forward(
        self,
        left_numeric: Tensor,
        left_categories: Tensor,
        left_codes: Tensor,
        right_numeric: Tensor,
        right_categories: Tensor,
        right_codes: Tensor,
    ) -> Tensor:
        left = self.tower(left_numeric, left_categories, left_codes)
        right = self.tower(right_numeric, right_categories, right_codes)
        distances: Tensor = self.distance(left, right)
        return distances


class Pairs(nn.Module):
    """The same of texts by their letters. **Shape**: as `Spelling` in, (n_rows, 1) out."""

    def __init__(self, features: Features, pairs: PairFeatures, params: TowerParams) -> None:
        super().__init__()
        self.front = Spelling(pairs)
        self.body = Apart(Tower(features, pairs, params))

    def forward(self, *sides: Tensor) -> Tensor:
        distances: Tensor = self.body(*self.front(*sides))
        return distances

    def points(self, numeric: Tensor, categories: Tensor, letters: Tensor) -> Tensor:
        """Of records, (n_rows, d_points)."""
        points: Tensor = self.body.tower(numeric, categories, self.front.codes(letters))
        return points


def _buffers(tower: Tower, numbers: list[NumericFeature], kept: list[int]) -> None:
    """What is fitted lives in the model: raw columns in."""
    tower.register_buffer("mean", torch.tensor([feature.mean for feature in numbers], dtype=torch.float32))
    tower.register_buffer("std", torch.tensor([feature.std for feature in numbers], dtype=torch.float32))
    tower.register_buffer("keep", torch.tensor(kept, dtype=torch.int64))
