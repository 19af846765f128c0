"""Inference: raw outputs of a model, in evaluation mode and without gradients."""

import torch
from torch import Tensor, nn

PREDICTION_ROWS = 65_536  # at most this many rows at once, so that prediction has bounded memory


def predict(model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    """The raw outputs of the model in inference mode, (n_rows, d_out)."""
    model.eval()
    with torch.inference_mode():
        chunks = zip(*(torch.split(part, PREDICTION_ROWS) for part in inputs), strict=True)
        return torch.cat([model(*chunk) for chunk in chunks])
