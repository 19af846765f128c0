"""The network that most jobs train, its rows and its optimizer."""

import itertools

import torch
from torch import Tensor, nn

from relight.train.params import OptimizerParams

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2
D_IN, D_BLOCK, N_BLOCKS = 30, 256, 3
ADAMW = OptimizerParams(name="adamw", learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, momentum=0.0)


def network() -> nn.Sequential:
    """Return a multilayer perceptron with the same weights at each call.

    Shape: (batch, D_IN) → (batch, 1)
    """
    torch.manual_seed(1)
    widths = [D_IN, *[D_BLOCK] * N_BLOCKS]
    hidden = [layer for d_from, d_to in itertools.pairwise(widths) for layer in (nn.Linear(d_from, d_to), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(D_BLOCK, 1))


def product_rows(n_rows: int, d_in: int = D_IN) -> tuple[Tensor, Tensor]:
    """Return normal numbers, (n_rows, d_in), and the product of the first two with some noise, (n_rows, 1)."""
    torch.manual_seed(0)
    x = torch.randn(n_rows, d_in)
    return x, x[:, :1] * x[:, 1:2] + 0.1 * torch.randn(n_rows, 1)


def setting(n_rows: int, batch: int) -> str:
    """Return the title of a job on this network."""
    return f"MLP {N_BLOCKS} × {D_BLOCK}, {n_rows:,} × {D_IN} float32, AdamW, batch {batch}"
