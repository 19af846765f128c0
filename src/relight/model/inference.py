"""Inference: batches of rows → raw outputs of a model → predictions, which are numbers or probabilities of classes."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from relight.data.schema import Task

MAX_PREDICTION_ROWS = 65_536  # at most this many rows at once, so that prediction has bounded memory
MAX_PREDICTION_NUMBERS = 2**24  # at most this many numbers in one layer: 64 MiB


def predictions_from_outputs(task: Task, outputs: Tensor, target_offset: float = 0.0) -> np.ndarray:
    """Return (n_rows,) numbers or scores of a ranking, or (n_rows, n_classes) probabilities, float32.

    Args:
        target_offset: is added; then the numbers are float64.
    """
    predictions = decode_outputs(task, outputs)
    return (predictions.double() + target_offset if target_offset else predictions).numpy()


def decode_outputs(task: Task, outputs: Tensor) -> Tensor:
    """Return the predictions as a tensor: an exported graph decodes its outputs, too.

    Outputs of ensembles, (n_rows, n_members, d_out), are averaged as numbers or probabilities, never as logits.
    """
    match task:
        case "regression" | "forecast" | "ranking":
            predictions = outputs
        case "binary":
            positive = torch.sigmoid(outputs)
            predictions = torch.cat([1 - positive, positive], dim=-1)
        case "multiclass" | "distribution":
            predictions = torch.softmax(outputs, dim=-1)
        case "similarity":
            raise AssertionError("a distance is decoded with its calibration: see model/pairs.py")
    averaged = predictions.mean(dim=1) if predictions.dim() == 3 else predictions
    return averaged.squeeze(1) if task in ("regression", "ranking") else averaged


class ChunkedInputs(Protocol):
    """Rows that are read when they are needed."""

    def chunks(self, at_once: int) -> Iterator[tuple[Tensor, ...]]:
        """Yield the arguments of the model's forward, so many rows at a time."""
        ...


def predict_outputs(model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs) -> Tensor:
    """Return the raw outputs in inference mode, (n_rows, d_out) or (n_rows, n_members, d_out)."""
    set_training_mode(model, training=False)
    with torch.inference_mode():
        return batched_outputs(model, inputs, prediction_batch_size(model))


def batched_outputs(model: nn.Module, inputs: tuple[Tensor, ...] | ChunkedInputs, at_once: int) -> Tensor:
    """Return the raw outputs; the caller has set evaluation mode and inference mode."""
    if isinstance(inputs, tuple) and len(inputs[0]) <= at_once:
        whole: Tensor = model(*inputs)
        return whole
    chunks = _chunks(inputs, at_once) if isinstance(inputs, tuple) else inputs.chunks(at_once)
    return torch.cat([model(*chunk) for chunk in chunks])


def _chunks(inputs: tuple[Tensor, ...], at_once: int) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(torch.split(part, at_once) for part in inputs), strict=True)


def set_training_mode(model: nn.Module, *, training: bool) -> None:
    """Like `model.train(training)`, ten times faster; it matters when a step takes microseconds."""
    own = vars(model)
    own["training"] = training
    for part in own["_modules"].values():
        if part is not None:
            set_training_mode(part, training=training)


def prediction_batch_size(model: nn.Module) -> int:
    """Return how many rows fit; it depends only on the model, because other chunks might give other last bits.

    A network with wide layers has an attribute `d_widest`, the numbers that its widest layer holds for each row.
    """
    widest: int = max(1, *(vars(part).get("d_widest", 1) for part in model.modules()))
    return max(1, min(MAX_PREDICTION_ROWS, MAX_PREDICTION_NUMBERS // widest))
