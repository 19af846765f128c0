"""Raw outputs of a network → what a person asked for: numbers, or probabilities of the classes."""

import numpy as np
import torch
from torch import Tensor

from relight.domain.schema import Task


def answers(task: Task, outputs: Tensor) -> np.ndarray:
    """(n_rows,) numbers for regression, scores for ranking, (n_rows, n_classes) probabilities for classes, float32."""
    return answer_tensor(task, outputs).numpy()


def answer_tensor(task: Task, outputs: Tensor) -> Tensor:
    """The same as a tensor, so that an exported graph says answers and not outputs.

    Outputs with members, (n_rows, n_members, d_out), are averaged: the numbers, or the probabilities, never the
    logits.
    """
    match task:
        case "regression" | "forecast" | "ranking":
            said = outputs
        case "binary":
            positive = torch.sigmoid(outputs)
            said = torch.cat([1 - positive, positive], dim=-1)
        case "multiclass" | "distribution":
            said = torch.softmax(outputs, dim=-1)
        case "similarity":
            raise AssertionError("a distance says nothing without its scale: see domain/similarity.py")
    averaged = said.mean(dim=1) if said.dim() == 3 else said
    return averaged.squeeze(1) if task in ("regression", "ranking") else averaged
