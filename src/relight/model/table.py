"""Table rows as the model takes them, and what of them is computed once, before the first step."""

import numpy as np
import torch
from torch import Tensor, nn

from relight.errors import InputError
from relight.model.pipeline import TabularModel
from relight.model.rows import Arrays, Rows, preprocess_inputs


def build_rows(model: nn.Module, arrays: Arrays, source_name: str) -> Rows:
    """Return the arrays of some rows as tensors; `source_name` names them in messages.

    Raises:
        InputError: if a model without a preprocessor would have to read a gap.
    """
    weight = torch.from_numpy(arrays["weight"]) if "weight" in arrays else None
    inputs = build_inputs(model, arrays["numeric"], arrays["categories"], source_name)
    target = torch.from_numpy(arrays["target"])
    if "query" in arrays:
        target = torch.cat([target, torch.from_numpy(arrays["query"]).float().unsqueeze(1)], dim=1)
    return Rows(inputs, target, weight)


def build_inputs(model: nn.Module, numeric: np.ndarray, categories: np.ndarray, source_name: str) -> tuple[Tensor, ...]:
    """Return numbers and codes for a model with a preprocessor, else the numbers only.

    Raises:
        InputError: if a model without a preprocessor would have to read a gap.
    """
    if isinstance(model, TabularModel):
        return torch.from_numpy(numeric), torch.from_numpy(categories)
    if np.isnan(numeric).any():
        raise InputError(
            f"{source_name}: some rows lack a value, and no train row did: with model.numeric: none nothing fills it; "
            "set model.numeric to standardize, or fill the value in"
        )
    return (torch.from_numpy(numeric),)


def preprocess_rows(model: nn.Module, rows: Rows) -> Rows:
    """Return the rows as the network sees them, with the target on its scale: once, not in every step."""
    if not isinstance(model, TabularModel):
        return rows
    inputs = preprocess_inputs(model.preprocessor, rows.inputs)
    return Rows(inputs, model.scale_target(rows.target), rows.weight)


def trainable_module(model: nn.Module) -> nn.Module:
    """Return what learns: the network of a model with a preprocessor, or the model itself."""
    return model.network if isinstance(model, TabularModel) else model
