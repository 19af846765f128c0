"""One-hot, embeddings, concatenation.

Categories as numbers that a network reads, the same in every family.

Numbers and categories side by side, for a network that reads one flat row.

Steps of sequences, numbers and categories side by side, for a network that reads steps in time.
"""

import torch
from torch import Tensor, nn

ONE_HOT_LEVELS = 32  # up to here a column of its own for each level; above, a learned vector
WIDEST = 32


class Categories(nn.Module):
    """Each column of codes → unit vectors, or learned ones where the levels are many.

    A wide category is shared by all members of an ensemble: one-hot width times members is what costs.

    **Shape**
        - codes: (n_rows, n_categorical) int64
        - output: one tensor for each category, (n_rows, its width)

    Attributes:
        widths: of each output.
    """

    def __init__(self, n_levels: list[int]) -> None:
        super().__init__()
        self.widths = [_width(n) for n in n_levels]
        self.spreads = nn.ModuleList(OneHot(n) if n <= ONE_HOT_LEVELS else Embedding(n) for n in n_levels)

    def forward(self, codes: Tensor) -> list[Tensor]:
        return [spread(codes[:, place]) for place, spread in enumerate(self.spreads)]


class OneHot(nn.Module):
    """Code 1 to n → the unit vectors of width n; code 0 → zeros. **Shape**: (n_rows,) in, (n_rows, n) out."""

    def __init__(self, n_levels: int) -> None:
        super().__init__()
        self.n_levels = n_levels

    def forward(self, codes: Tensor) -> Tensor:
        levels = torch.arange(1, self.n_levels + 1, device=codes.device)
        return (codes.unsqueeze(1) == levels).to(torch.float32)


class Embedding(nn.Module):
    """Code 1 to n → a learned vector; code 0 → zeros, for ever. **Shape**: (n_rows,) in, (n_rows, width) out."""

    def __init__(self, n_levels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_levels + 1, _width(n_levels), padding_idx=0)

    def forward(self, codes: Tensor) -> Tensor:
        out: Tensor = self.embedding(codes)
        return out


def _width(n_levels: int) -> int:
    """The rule of thumb of fastai's tabular learner (Howard and Gugger 2020), up to 32."""
    return n_levels if n_levels <= ONE_HOT_LEVELS else min(WIDEST, round(1.6 * n_levels**0.56))


class Flat(nn.Module):
    """**Shape**: as `Front` gives them in, (n_rows, d_out) out."""

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        out: Tensor = self.network(torch.cat([numbers, *self.categories(codes)], dim=1))
        return out


class Steps(nn.Module):
    """
    **Shape**
        - numbers: (n, length, d_numbers) float32, codes: (n, length, n_categorical) int64
        - lengths: (n,) int64 of the real steps; padding reaches the network as zeros, whatever the front made of it
        - output: (n, d_out)
    """

    def __init__(self, categories: Categories, network: nn.Module) -> None:
        super().__init__()
        self.categories = categories
        self.network = network

    def forward(self, numbers: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
        n, length, _ = numbers.shape
        spread = [each.unflatten(0, (n, length)) for each in self.categories(codes.flatten(0, 1))]
        padding = torch.arange(length, device=lengths.device) >= lengths.unsqueeze(1)
        steps = torch.cat([numbers, *spread], dim=2).masked_fill(padding.unsqueeze(2), 0)
        out: Tensor = self.network(steps, lengths, steps.new_zeros(n, 0, 0))
        return out
