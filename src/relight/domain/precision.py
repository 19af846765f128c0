"""In which numbers the forward pass and the loss of a training are computed."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

Precision = Literal["fp32", "bf16"]


def casting_for(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """A context, entered anew for each step: all in float32, or matrix products in bfloat16 and losses in float32.

    The weights, their gradients and the validation stay in float32: so does the model that is saved. bfloat16 has
    the range of float32, so no loss needs scaling (Micikevicius et al. 2018, "Mixed Precision Training").
    """
    match precision:
        case "fp32":
            return nullcontext()
        case "bf16":
            return torch.autocast(device.type, torch.bfloat16)
