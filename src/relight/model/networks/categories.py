"""One-hot, embeddings, concatenation.

Categories as vectors that a network reads, the same in every architecture.

A category of cardinality c has the codes 0 to c - 1, of which 0 is a level, or a gap, that train lacks.

Numbers and categories in one row, for a network that reads a flat row.

Numbers and categories of each step of a sequence side by side, for a network that reads steps in time.
"""

import torch
from torch import Tensor, nn

MAX_ONE_HOT_LEVELS = 32  # a category of more levels gets a learned vector instead of a column for each level
MAX_EMBEDDING_WIDTH = 32


class Categories(nn.Module):
    """Each column of codes → unit vectors, or learned vectors if the levels are many.

    A wide category is shared by all members of an ensemble, because its one-hot width times the members is costly.

    **Shape**
        - x_cat: (n_rows, n_cat_features) int64 codes
        - output: one tensor for each category, (n_rows, its width)

    Args:
        cat_cardinalities: the number of codes of each category, with code 0.

    Attributes:
        widths: the width of each output.
    """

    def __init__(self, cat_cardinalities: list[int]) -> None:
        super().__init__()
        self.widths = [_width(n_codes - 1) for n_codes in cat_cardinalities]
        self.spreads = nn.ModuleList(
            OneHot(n_codes) if n_codes - 1 <= MAX_ONE_HOT_LEVELS else Embedding(n_codes)
            for n_codes in cat_cardinalities
        )

    def forward(self, x_cat: Tensor) -> list[Tensor]:
        return [spread(x_cat[:, index]) for index, spread in enumerate(self.spreads)]


class OneHot(nn.Module):
    """Code 1 to n → the unit vectors of width n; code 0 → zeros.

    **Shape**: (n_rows,) int64 in, (n_rows, cardinality - 1) out.
    """

    def __init__(self, cardinality: int) -> None:
        super().__init__()
        self.n_levels = cardinality - 1

    def forward(self, codes: Tensor) -> Tensor:
        levels = torch.arange(1, self.n_levels + 1, device=codes.device)
        return (codes.unsqueeze(1) == levels).to(torch.float32)


class Embedding(nn.Module):
    """Code 1 to n → a learned vector; code 0 → zeros, which training does not change.

    **Shape**: (n_rows,) int64 in, (n_rows, width) out.
    """

    def __init__(self, cardinality: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(cardinality, _width(cardinality - 1), padding_idx=0)

    def forward(self, codes: Tensor) -> Tensor:
        out: Tensor = self.embedding(codes)
        return out


def _width(n_levels: int) -> int:
    """The rule of thumb of fastai's tabular learner (Howard and Gugger 2020), at most 32."""
    return n_levels if n_levels <= MAX_ONE_HOT_LEVELS else min(MAX_EMBEDDING_WIDTH, round(1.6 * n_levels**0.56))


class ConcatFeatures(nn.Module):
    """Concatenate the numbers of a row and the vectors of its categories, for a network that reads them.

    **Shape**
        - x_num: (n_rows, n_num_features) float32
        - x_cat: (n_rows, n_cat_features) int64 codes
        - output: (n_rows, d_out)

    Args:
        network: (n_rows, n_num_features + the widths of the categories) in, (n_rows, d_out) out.
    """

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([x_num, *self.categories(x_cat)], dim=1))
        return out


class ConcatStepFeatures(nn.Module):
    """Concatenate the numbers of each step and the vectors of its categories, for a network that reads the steps.

    **Shape**
        - x_num: (n, length, n_num_features) float32
        - x_cat: (n, length, n_cat_features) int64 codes
        - lengths: (n,) int64, the valid steps; padding reaches the network as zeros, whatever it holds
        - output: (n, d_out)

    Args:
        network: past (n, length, d_past), lengths (n,) and an empty future (n, 0, 0) in, (n, d_out) out, where
            d_past is n_num_features + the widths of the categories.
    """

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, x_num: Tensor, x_cat: Tensor, lengths: Tensor) -> Tensor:
        n, length, _ = x_num.shape
        vectors = [each.unflatten(0, (n, length)) for each in self.categories(x_cat.flatten(0, 1))]
        padding = torch.arange(length, device=lengths.device) >= lengths.unsqueeze(1)
        steps = torch.cat([x_num, *vectors], dim=2).masked_fill(padding.unsqueeze(2), 0)
        out: Tensor = self.network(steps, lengths, steps.new_zeros(n, 0, 0))
        return out
