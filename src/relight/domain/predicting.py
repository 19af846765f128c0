"""Inference: raw outputs of a model, in evaluation mode and without gradients."""

import torch
from torch import Tensor, nn

PREDICTION_ROWS = 65_536  # at most this many rows at once, so that prediction has bounded memory
PREDICTION_NUMBERS = 2**24  # at most this many numbers in one layer: 64 MiB


def predict(model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """The raw outputs of the model in inference mode, (n_rows, d_out) or (n_rows, n_members, d_out)."""
    model.eval()
    with torch.inference_mode():
        chunks = zip(*(torch.split(part, rows_at_once(model)) for part in inputs), strict=True)
        return torch.cat([model(*chunk) for chunk in chunks])


def rows_at_once(model: nn.Module) -> int:
    """How many rows fit; it depends on the model alone, for other chunks might give other last bits.

    A network with wide layers says in `d_widest` how many numbers its widest one holds for each row.
    """
    widest: int = max(1, *(vars(part).get("d_widest", 1) for part in model.modules()))
    return max(1, min(PREDICTION_ROWS, PREDICTION_NUMBERS // widest))
