"""What stands beside the weights: all that is needed to rebuild the model and to use it."""

import hashlib
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from relight.domain.features import Features
from relight.domain.models.building import build_model
from relight.params.model import ModelParams

FORMAT: Literal[1] = 1


class Description(BaseModel):
    """The content of model.json.

    Attributes:
        seed: the untrained model is `untrained_model`, drawn with it.
        threads: of the training; the same number gives the same bits.
        proof: sha256 of the outputs for the validation rows, made before the weights were saved.
        versions: of what made the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    model: ModelParams
    features: Features
    seed: int
    threads: int
    epochs: int
    best_epoch: int
    proof: str
    versions: dict[str, str]


def untrained_model(params: ModelParams, features: Features, seed: int) -> nn.Module:
    """The model before its first step; the same weights for the same seed."""
    torch.manual_seed(seed)
    return build_model(params, features)


def proof_of(outputs: Tensor) -> str:
    """A hash of the very bits."""
    return hashlib.sha256(outputs.numpy().tobytes()).hexdigest()
