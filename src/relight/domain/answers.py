"""Raw outputs of a network → what a person asked for: numbers, or probabilities of the classes."""

import numpy as np
import torch
from torch import Tensor

from relight.domain.schema import Task


def answers(task: Task, outputs: Tensor) -> np.ndarray:
    """(n_rows,) numbers for regression, (n_rows, n_classes) probabilities for classes, float32."""
    match task:
        case "regression":
            return outputs.squeeze(1).numpy()
        case "binary":
            positive = torch.sigmoid(outputs)
            return torch.cat([1 - positive, positive], dim=1).numpy()
        case "multiclass":
            return torch.softmax(outputs, dim=1).numpy()


def trivial_answers(task: Task, target: np.ndarray, n_rows: int, n_classes: int) -> np.ndarray:
    """What one would say without a model: the train rows' mean, or their class shares, for every row."""
    if task == "regression":
        return np.full(n_rows, target.astype(np.float64).mean())
    shares = np.bincount(target, minlength=n_classes) / len(target)
    return np.tile(shares, (n_rows, 1))
