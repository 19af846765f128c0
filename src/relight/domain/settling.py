"""What `auto` means, for one table on one machine."""

from typing import Literal, NamedTuple

from relight.domain.batch_size import settle_batch_size
from relight.domain.choosing import choose_model
from relight.domain.compatibility import LossName, assert_train_suits, settle_loss
from relight.domain.features import Features
from relight.domain.target_choice import TargetScale, settle_target_scale
from relight.params.model import ModelParams
from relight.params.train import TrainParams

Calibration = Literal["none", "temperature"]


class Settled(NamedTuple):
    """
    Attributes:
        model: with a name, never `auto`.
        model_choice: why `auto` chose it, one sentence; "" where the name was given.
    """

    model: ModelParams
    model_choice: str
    loss: LossName
    target_scale: TargetScale
    batch_size: int
    calibration: Calibration


def settle(model: ModelParams, params: TrainParams, features: Features, device: str) -> Settled:
    """Every `auto` replaced.

    Args:
        device: its type, as of torch: cuda, mps or cpu.

    Raises:
        InputError: when params and table do not fit together.
    """
    model, choice = choose_model(model, features, device)
    assert_train_suits(params, model, features)
    return Settled(
        model,
        choice,
        settle_loss(params.loss, features.task),
        settle_target_scale(model, features),
        settle_batch_size(params.batch_size, features.n_train),
        settle_calibration(params.calibration, features),
    )


def settle_calibration(name: str, features: Features) -> Calibration:
    """`auto` is a temperature wherever there are probabilities, and validation rows to fit it on."""
    can = features.task not in ("regression", "forecast", "ranking", "similarity") and not features.test_rows_validate
    return "temperature" if name == "temperature" or (name == "auto" and can) else "none"
