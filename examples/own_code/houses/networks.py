"""Networks that params.yaml names."""

from torch import Tensor, nn

from .blocks import ResidualBlock


class ResidualMlp(nn.Module):
    """A residual network. **Shape**: (n_rows, d_in) → (n_rows, d_out)."""

    def __init__(self, d_in: int, d_out: int, *, d_block: int = 64, n_blocks: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Linear(d_in, d_block)
        self.blocks = nn.Sequential(*(ResidualBlock(d_block, dropout) for _ in range(n_blocks)))
        self.last = nn.Linear(d_block, d_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.blocks(self.first(x)))
