"""A training of Relight as its stage trains: the same each time, with checkpoints, progress and curves."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from relight.model.devices import compute_the_same_each_time
from relight.model.rows import Rows
from relight.runtime.lifetime import PatientStop
from relight.train.batches import Batches
from relight.train.callbacks import LiveCurves, Progress, Watching
from relight.train.checkpoints import Checkpoints
from relight.train.loop import Step, fit
from relight.train.losses import loss_for
from relight.train.optimizers import Optimizer, build_optimizer, schedule_for
from relight.train.params import OptimizerParams, ScheduleParams
from relight.train.state import Epoch, TrainingState
from relight.train.validation_score import validation_score


def relight_fit(
    model: nn.Module,
    train: Batches,
    validation: Rows,
    *,
    n_rows: int,
    loss: Any,
    optimizer: OptimizerParams,
    epochs: int,
    faster: Callable[[Step, Optimizer], Step] | None = None,
) -> list[Epoch]:
    """The epochs of a regression.

    Args:
        n_rows: of an epoch, for the progress.
        faster: makes of the step of this optimizer one that takes less time.
    """
    torch.manual_seed(42)
    state = TrainingState(model, build_optimizer(optimizer, model))
    with the_same_each_time(), watching(epochs, n_rows) as watch:
        fit(
            state,
            train,
            validation,
            loss_fn=loss_for(loss),
            score_fn=validation_score("regression", loss, nn.Identity(), validation.target, None),
            schedule=schedule_for(ScheduleParams(), peak=optimizer.learning_rate, epochs=epochs),
            epochs=epochs,
            gradient_clip=None,
            watch=watch,
            faster=faster and (lambda step: faster(step, state.optimizer)),
        )
    return state.history


@contextmanager
def the_same_each_time() -> Iterator[None]:
    """For Relight alone: the others compute as PyTorch comes."""
    compute_the_same_each_time(1)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode("default")


@contextmanager
def watching(epochs: int, n_rows: int) -> Iterator[Watching]:
    """What the stage has beside a training, in a folder that goes away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Checkpoints(Path(folder) / "kept", {}) as checkpoints,
        PatientStop() as stop,
    ):
        progress, curves = Progress(epochs, n_rows), LiveCurves(Path(folder) / "curves.csv", Epoch._fields)
        yield Watching(checkpoints, progress, curves, stop, seconds=60, save=TrainingState.save)
