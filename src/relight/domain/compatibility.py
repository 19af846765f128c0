"""What the train section asks of the table: checked before anything runs, and again by train."""

from typing import Literal

from relight.domain.features import Features
from relight.domain.schema import Task
from relight.errors import InputError
from relight.params.train import TrainParams

LossName = Literal["l1", "mse", "bce", "cross_entropy"]

LOSSES_OF: dict[Task, tuple[LossName, ...]] = {  # the first is what `auto` means
    "regression": ("mse", "l1"),
    "binary": ("bce",),
    "multiclass": ("cross_entropy",),
}


def settle_loss(name: str, task: Task) -> LossName:
    """The loss that a name means for a task.

    Raises:
        InputError: when the loss is not for the task.
    """
    suited = LOSSES_OF[task]
    if name == "auto":
        return suited[0]
    for loss in suited:
        if loss == name:
            return loss
    raise InputError(f"train.loss: must be one of auto, {', '.join(suited)} for {task}, however: {name}")


def assert_can_stop_early(params: TrainParams, features: Features) -> None:
    """The test rows may draw a curve, but must not choose the weights.

    Raises:
        InputError: when early stopping has no validation rows of its own.
    """
    if params.early_stopping and features.test_rows_validate:
        raise InputError("train.early_stopping: needs validation rows; set split.validation above 0")


def remarks(params: TrainParams, features: Features, cores: int) -> list[str]:
    """What is odd, and works all the same."""
    found = []
    if params.batch_size != "full" and params.batch_size > features.n_train:
        found.append(
            f"train.batch_size: {params.batch_size} is more than the {features.n_train} train rows; "
            "every batch holds all of them"
        )
    if params.threads > cores:
        found.append(f"train.threads: {params.threads} is more than the {cores} cores of this machine")
    return found
