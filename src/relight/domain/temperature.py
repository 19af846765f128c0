"""One number that makes probabilities as sure as they are right.

Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2: logits are divided by one
temperature, which is fitted on the validation rows. No answer changes its place, only its certainty.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

COLDEST, HOTTEST = 1 / 20, 20.0
GRID = 61
SHRINK = (math.sqrt(5) - 1) / 2  # the golden section
PRIOR = 0.25  # the deviation of the logarithm that is expected before any row is seen
STEPS = 40  # of it: the last one moves the temperature by less than 1e-8 of itself


class Temperature(nn.Module):
    """Logits divided by a temperature, 1 until it is fitted. **Shape**: any in and out."""

    temperature: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.tensor(1.0))

    def forward(self, logits: Tensor) -> Tensor:
        return logits / self.temperature


def best_temperature(log_loss_at: Callable[[float], float], n_rows: int) -> float:
    """The most probable temperature between 1/20 and 20: the best of a grid, then the golden section about it.

    The grid first, for the loss of averaged probabilities may have more than one valley.

    NOTE[DIFF] the paper takes the temperature of the smallest loss alone. Of a hundred rows without a mistake that
    is the coldest one, and the first mistaken test row pays for it: here a normal prior on its logarithm holds it
    near 1 until there are rows enough.

    Args:
        log_loss_at: the mean over the validation rows, at a temperature.
        n_rows: how many of them there are.
    """

    def surprise(log: float) -> float:
        return log_loss_at(math.exp(log)) + (log / PRIOR) ** 2 / (2 * n_rows)

    start, width = math.log(COLDEST), math.log(HOTTEST / COLDEST) / (GRID - 1)
    grid = [start + place * width for place in range(GRID)]
    best = min(grid, key=surprise)
    low, high = best - width, best + width
    for _ in range(STEPS):
        left, right = high - SHRINK * (high - low), low + SHRINK * (high - low)
        if surprise(left) <= surprise(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)
