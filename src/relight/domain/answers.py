"""Raw outputs of a network → what a person asked for: numbers, or probabilities of the classes."""

import numpy as np
import torch
from torch import Tensor

from relight.domain.schema import Task


def answers(task: Task, outputs: Tensor) -> np.ndarray:
    """(n_rows,) numbers for regression, (n_rows, n_classes) probabilities for classes, float32."""
    return answer_tensor(task, outputs).numpy()


def answer_tensor(task: Task, outputs: Tensor) -> Tensor:
    """The same as a tensor, so that an exported graph says answers and not outputs.

    Outputs with members, (n_rows, n_members, d_out), are averaged: the numbers, or the probabilities, never the
    logits.
    """
    match task:
        case "regression":
            said = outputs
        case "binary":
            positive = torch.sigmoid(outputs)
            said = torch.cat([1 - positive, positive], dim=-1)
        case "multiclass" | "distribution":
            said = torch.softmax(outputs, dim=-1)
    averaged = said.mean(dim=1) if said.dim() == 3 else said
    return averaged.squeeze(1) if task == "regression" else averaged


def trivial_answers(task: Task, target: np.ndarray, n_rows: int, n_classes: int) -> np.ndarray:
    """What one would say without a model: the train rows' mean, or their class shares, for every row."""
    if task == "regression":
        return np.full(n_rows, target.astype(np.float64).mean())
    if task == "distribution":
        return np.tile(target.astype(np.float64).mean(axis=0), (n_rows, 1))
    shares = np.bincount(target, minlength=n_classes) / len(target)
    return np.tile(shares, (n_rows, 1))
