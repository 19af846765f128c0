"""How many rows a step looks at."""

from typing import Literal

# Train rows below → batch size; the table that TabArena and AutoGluon share for TabM and RealMLP
AUTO = ((2_800, 32), (4_500, 64), (6_400, 128), (32_000, 256), (108_000, 512))
LARGEST_AUTO = 1024


def settle_batch_size(batch_size: Literal["auto", "full"] | int, n_train: int) -> int:
    """The number of rows that `auto`, `full` or a number means: at most all train rows."""
    match batch_size:
        case "full":
            return n_train
        case "auto":
            return min(n_train, next((size for below, size in AUTO if n_train < below), LARGEST_AUTO))
        case _:
            return min(n_train, batch_size)
