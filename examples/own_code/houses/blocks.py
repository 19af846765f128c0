"""Parts of networks."""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Adds to a row what a small network makes of it. **Shape**: (n_rows, d_block) in and out."""

    def __init__(self, d_block: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(d_block),
            nn.Linear(d_block, d_block),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(d_block, d_block),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
