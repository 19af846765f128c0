"""What stands beside the weights: all that is needed to rebuild the model and to use it."""

import hashlib
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from relight.domain.features import Features
from relight.domain.fitted import Fitted
from relight.domain.models.building import build_model
from relight.domain.models.members import Members
from relight.domain.similarity import PairScale
from relight.domain.target_choice import TargetScale
from relight.params.model import ModelParams

FORMAT: Literal[2] = 2


class Description(BaseModel):
    """The content of model.json.

    Attributes:
        model: with a name, never `auto`.
        model_choice: why `auto` chose it, one sentence; "" where the name was given.
        loss, target_scale, batch_size, calibration: what `auto` meant.
        seed: the untrained model is `untrained_model`, drawn with it.
        seeds: how many copies stand side by side.
        threads: of the training; the same number gives the same bits.
        processes: that trained together; the same number gives the same bits. Left out where it is 1.
        similarity: what a distance means, for pairs.
        proof: sha256 of the outputs for the validation rows, made before the weights were saved.
        versions: of what made the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = FORMAT
    model: ModelParams
    model_choice: str
    features: Features
    loss: str
    target_scale: TargetScale
    batch_size: int
    calibration: Literal["none", "temperature"] = "none"
    seed: int
    seeds: int
    threads: int
    processes: int = Field(default=1, exclude_if=lambda number: number == 1)
    similarity: PairScale | None = Field(default=None, exclude_if=lambda value: value is None)
    epochs: int
    best_epoch: int
    proof: str
    versions: dict[str, str]


def untrained_model(
    params: ModelParams, features: Features, *, target_scale: TargetScale, seed: int, seeds: int = 1
) -> nn.Module:
    """The model before its first step; the same weights for the same seed.

    Of several copies the first is drawn with `seed`, the next with `seed + 1`, and so on: each is the model that its
    seed alone would give.
    """
    torch.manual_seed(seed)
    model = build_model(params, features, target_scale=target_scale, seeds=seeds)
    if isinstance(model, Fitted) and isinstance(model.body, Members):
        for place in range(1, seeds):
            torch.manual_seed(seed + place)
            other = build_model(params, features, target_scale=target_scale, seeds=2)
            model.body.copies[place] = _first_copy(other)
    return model


def _first_copy(model: nn.Module) -> nn.Module:
    assert isinstance(model, Fitted)
    assert isinstance(model.body, Members)
    return model.body.copies[0]


def proof_of(outputs: Tensor) -> str:
    """A hash of the very bits."""
    return hashlib.sha256(outputs.numpy().tobytes()).hexdigest()
