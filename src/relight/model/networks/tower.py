"""Siamese tower, n-gram hashing.

The n-grams of a text's letters, and their buckets in a table by a hash that is the same on every machine.

The hash is made of 64-bit integers that never overflow: an exported graph computes them as PyTorch does.

Letters → hashed n-grams, which stands before the tower: computed once and not in every step of training.

One tower for both sides of a pair: a record → a point; records of the same thing lie near each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

SPACE = ord(" ")
N_CODE_POINTS = 0x110000  # of Unicode; its third power is below 2**63
PRIME = 1_000_003  # tells the n-grams apart whose last letters differ by a multiple of the buckets
MIN_FREQUENCY, MAX_FREQUENCY = 0.25, 32.0  # of a number's point, in radians for each standard deviation


def ngrams(letters: Tensor) -> Tensor:
    """Return the bigrams and trigrams of ` text `, each as a number of its own; 0 beyond the end.

    A text that fills all letters may go on, so that it gets no space behind its last letter.

    **Shape**
        - letters: (..., n_letters) integers, code points, 0 behind the text
        - output: (..., 2 * (n_letters - 1)) int64, the bigrams, then the trigrams
    """
    padded = _with_spaces(letters.long())
    first, second, third = padded[..., :-2], padded[..., 1:-1], padded[..., 2:]
    bigrams = (first * N_CODE_POINTS + second) * N_CODE_POINTS
    return torch.cat([bigrams * (second > 0), (bigrams + third) * (third > 0)], dim=-1)


def hash_ngrams(ngrams: Tensor, n_buckets: int) -> Tensor:
    """Return the bucket of each n-gram, 1 to n_buckets; 0 for none. **Shape**: any, int64; the same out."""
    return (1 + ngrams % PRIME % n_buckets) * (ngrams > 0)


def _with_spaces(letters: Tensor) -> Tensor:
    """Add a space before the text and one behind it, if there is a text; (..., 1 + n_letters)."""
    has_text = (letters[..., :1] > 0).long()
    padded = torch.cat([SPACE * has_text, letters], dim=-1)
    ends = (padded[..., 1:] == 0) & (padded[..., :-1] > 0)
    return torch.cat([padded[..., :1], padded[..., 1:] + SPACE * ends], dim=-1)


class NgramHasher(nn.Module):
    """Both sides of pairs with letters in, with n-gram codes out; it has no weights.

    **Shape**
        - of each side x_num and x_cat: any, passed through
        - letters: (n_rows, n_texts, n_letters) int32 code points, 0 behind the text
        - output: x_num, x_cat and codes of each side; codes are (n_rows, n_texts, 2 * (n_letters - 1)) int32, 0 for
          no n-gram

    Args:
        n_buckets: the largest code of an n-gram.
    """

    def __init__(self, *, n_texts: int, n_letters: int, n_buckets: int) -> None:
        super().__init__()
        self.n_buckets = n_buckets
        self.d_widest = 8 * n_texts * n_letters  # both sides, in numbers of 64 bits

    def forward(self, *sides: Tensor) -> tuple[Tensor, ...]:
        left, right = sides[:3], sides[3:]
        return *left[:2], self.codes(left[2]), *right[:2], self.codes(right[2])

    def codes(self, letters: Tensor) -> Tensor:
        """Return the codes of one side."""
        return hash_ngrams(ngrams(letters), self.n_buckets).int()


@dataclass(frozen=True)
class NumericColumns:
    """The numeric columns that a tower reads.

    Attributes:
        indices: those that are read, among all that come in.
        means, stds: the mean and the standard deviation of the train rows, one for each index.
    """

    indices: list[int]
    means: list[float]
    stds: list[float]


class FourierEmbedding(nn.Module):
    """Each number → a point on a sphere, by sines and cosines of its own frequencies.

    Two points are near each other if the numbers are, and no farther apart for ten deviations than for three
    (Rahimi and Recht 2007, "Random features for large-scale kernel machines"). The frequencies are learned.

    **Shape**: (n_rows, n_num_features) standardized in, (n_rows, n_num_features, d_embedding) out, each of length 1.
    """

    def __init__(self, n_num_features: int, d_embedding: int) -> None:
        super().__init__()
        grid = torch.logspace(0, 1, d_embedding // 2, base=MAX_FREQUENCY / MIN_FREQUENCY) * MIN_FREQUENCY
        self.frequencies = nn.Parameter(grid.repeat(n_num_features, 1))

    def forward(self, x_num: Tensor) -> Tensor:
        angles = x_num.unsqueeze(2) * self.frequencies
        scale: float = self.frequencies.shape[1] ** -0.5
        return torch.cat([angles.sin(), angles.cos()], dim=2) * scale


class CategoryEmbedding(nn.Module):
    """Each category → a learned point of length 1; code 0 → the origin.

    **Shape**: (n_rows, n_cat_features) integer codes in, (n_rows, n_cat_features, d_embedding) out.
    """

    def __init__(self, cat_cardinalities: list[int], d_embedding: int) -> None:
        super().__init__()
        self.points = nn.ModuleList(nn.Embedding(n_codes, d_embedding, padding_idx=0) for n_codes in cat_cardinalities)

    def forward(self, x_cat: Tensor) -> Tensor:
        columns = [points(x_cat[:, index].long()) for index, points in enumerate(self.points)]
        return functional.normalize(torch.stack(columns, dim=1), dim=2, eps=1e-6)


class NgramEmbedding(nn.Module):
    """Each text → the sum of the learned points of its n-grams, at length 1; no text → the origin.

    One table serves all columns. If there are several, the sum over them all comes last, in which a first name and a
    surname that are swapped are the same as before.

    **Shape**
        - codes: (n_rows, n_texts, n_slots) integers from 0 to n_buckets, 0 for an empty slot
        - output: (n_rows, n_points, d_embedding), where n_points is n_texts, plus 1 if there are several
    """

    def __init__(self, n_texts: int, d_embedding: int, *, n_buckets: int) -> None:
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
    """A record → the points of its columns side by side, each times its learned weight, then its gaps.

    The squared distance of two records is the weighted sum of those of their columns: 0 if a column is the same, 2 if
    it has nothing in common, 1 + g² if one side has a gap, and 4 g² if both have one, because a gap is g on the left
    side and -g on the right. How much a gap says is learned for each column.

    **Shape**
        - x_num: (n_rows, n_num_features) float32, NaN for a gap
        - x_cat: (n_rows, n_cat_features) int32, 0 for a gap or an unknown level
        - ngrams: (n_rows, n_texts, n_slots) int32 codes, 0 for an empty slot
        - output: (n_rows, n_points * (d_embedding + 1))

    Args:
        cat_cardinalities: the number of codes of each category, with code 0.
        n_buckets: the largest code of an n-gram.
        d_embedding: the width of a point, rounded down to an even number.

    Attributes:
        strength: (n_points,) the logarithm of each column's weight; learned.
        gap: (n_points,) g of each column, times its weight; learned.
    """

    mean: Tensor
    std: Tensor
    keep: Tensor

    def __init__(
        self,
        columns: NumericColumns,
        cat_cardinalities: list[int],
        *,
        n_texts: int,
        n_buckets: int,
        d_embedding: int,
    ) -> None:
        super().__init__()
        width, n_num_features = d_embedding // 2 * 2, len(columns.indices)
        # the statistics are saved with the model, so that it reads raw columns
        self.register_buffer("mean", torch.tensor(columns.means, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(columns.stds, dtype=torch.float32))
        self.register_buffer("keep", torch.tensor(columns.indices, dtype=torch.int64))
        self.numbers = FourierEmbedding(n_num_features, width) if n_num_features else None
        self.levels = CategoryEmbedding(cat_cardinalities, width) if cat_cardinalities else None
        self.texts = NgramEmbedding(n_texts, width, n_buckets=n_buckets) if n_texts else None
        n_points = n_num_features + len(cat_cardinalities) + (self.texts.n_points if self.texts else 0)
        self.strength = nn.Parameter(torch.full((n_points,), 1 / n_points).log() / 2)
        self.gap = nn.Parameter(torch.full((n_points,), 0.5))
        self.n_points, self.d_widest = n_points, n_points * (width + 1)

    def forward(self, x_num: Tensor, x_cat: Tensor, ngrams: Tensor) -> Tensor:
        points = torch.cat(list(self._points(x_num, x_cat, ngrams)), dim=1)  # (n_rows, n_points, d_embedding)
        weight = self.strength.exp()
        gaps = torch.where(points.detach().abs().amax(dim=2) > 0, 0.0, weight * self.gap)
        return torch.cat([(points * weight.unsqueeze(1)).flatten(1), gaps], dim=1)

    def as_right(self, points: Tensor) -> Tensor:
        """Return embedded records as those of the right side, whose gaps are the opposite of those of the left."""
        return torch.cat([points[:, : -self.n_points], -points[:, -self.n_points :]], dim=1)

    def nothing_in_common(self, left: Tensor, right: Tensor) -> Tensor:
        """Return which pairs have no column that both sides have, (n_rows, 1) bool.

        Args:
            left, right: (n_rows, n_points * (d_embedding + 1)), as `forward` returns them.
        """
        shape = (len(left), self.n_points, -1)
        both = [side[:, : -self.n_points].reshape(shape).abs().amax(dim=2) > 0 for side in (left, right)]
        return ~(both[0] & both[1]).any(dim=1, keepdim=True)

    def farthest(self) -> Tensor:
        """Return the distance of two records that have no gap and nothing alike."""
        return (2 * self.strength.exp().square().sum()).sqrt()

    def _points(self, x_num: Tensor, x_cat: Tensor, ngrams: Tensor) -> Iterator[Tensor]:
        if self.numbers is not None:
            scaled = (x_num.index_select(1, self.keep) - self.mean) / self.std
            gaps = scaled.isnan()
            yield self.numbers(scaled.masked_fill(gaps, 0.0)).masked_fill(gaps.unsqueeze(2), 0.0)
        if self.levels is not None:
            yield self.levels(x_cat)
        if self.texts is not None:
            yield self.texts(ngrams)


class TowerDistance(nn.Module):
    """The distance of both sides after the same tower. **Shape**: as `Tower`, twice, in; (n_rows, 1) out.

    A pair without a column that both sides have is as far apart as one without anything alike: nothing says that they
    are the same.
    """

    def __init__(self, tower: Tower) -> None:
        super().__init__()
        self.tower = tower
        self.distance = nn.PairwiseDistance(eps=0.0, keepdim=True)  # with eps, left to right is not right to left

    def forward(
        self,
        left_num: Tensor,
        left_cat: Tensor,
        left_ngrams: Tensor,
        right_num: Tensor,
        right_cat: Tensor,
        right_ngrams: Tensor,
    ) -> Tensor:
        left = self.tower(left_num, left_cat, left_ngrams)
        return self.between(left, self.tower.as_right(self.tower(right_num, right_cat, right_ngrams)))

    def between(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the distances of embedded records, left ones and right ones, (n_rows, 1)."""
        distances: Tensor = self.distance(left, right)
        has_nothing = self.tower.nothing_in_common(left, right).to(distances.dtype)
        return distances * (1 - has_nothing) + self.tower.farthest() * has_nothing


class SiameseModel(nn.Module):
    """The distance of both sides of a pair, with texts as letters. **Shape**: as `NgramHasher` in, (n_rows, 1) out."""

    def __init__(self, hasher: NgramHasher, tower: Tower) -> None:
        super().__init__()
        self.preprocessor = hasher
        self.network = TowerDistance(tower)

    def forward(self, *sides: Tensor) -> Tensor:
        distances: Tensor = self.network(*self.preprocessor(*sides))
        return distances

    def embed(self, x_num: Tensor, x_cat: Tensor, letters: Tensor) -> Tensor:
        """Return the points of left records, (n_rows, n_points * (d_embedding + 1)); see `Tower.as_right`."""
        points: Tensor = self.network.tower(x_num, x_cat, self.preprocessor.codes(letters))
        return points
