"""A training as the train stage runs it: deterministic, with checkpoints, progress and curves."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from relight.model.devices import make_deterministic
from relight.model.rows import Rows
from relight.runtime.lifetime import DeferredStop
from relight.train.batches import Batches
from relight.train.callbacks import LiveCurves, MainProcessCallback, Progress
from relight.train.checkpoints import Checkpoints
from relight.train.loop import TrainStep, Validation, fit
from relight.train.losses.losses import build_loss
from relight.train.optim.optimizers import Optimizer, build_optimizer
from relight.train.optim.schedules import build_schedule
from relight.train.params import OptimizerParams, ScheduleParams
from relight.train.scores import build_validation_score
from relight.train.state import EpochRecord, TrainingState


def relight_fit(
    model: nn.Module,
    train: Batches,
    validation: Rows,
    *,
    n_rows: int,
    loss: Any,
    optimizer: OptimizerParams,
    epochs: int,
    faster: Callable[[TrainStep, Optimizer], TrainStep] | None = None,
) -> list[EpochRecord]:
    """Train a regression, and return the record of each epoch.

    Args:
        n_rows: rows of an epoch, for the progress.
        faster: wraps the step of this optimizer in an equivalent, faster one.
    """
    torch.manual_seed(42)
    state = TrainingState(model, build_optimizer(optimizer, model))
    with deterministic(), stage_callback(epochs, n_rows) as callback:
        fit(
            state,
            train,
            Validation(validation, build_validation_score("regression", loss, nn.Identity(), validation.target, None)),
            loss_fn=build_loss(loss),
            schedule=build_schedule(
                ScheduleParams(), peak=optimizer.learning_rate, epochs=epochs, n_steps=train.n_steps
            ),
            callbacks=[callback],
            wrap_step=faster and (lambda step: faster(step, state.optimizer)),
        )
    return state.history


@contextmanager
def deterministic() -> Iterator[None]:
    """Compute deterministically: only Relight does so, the other contenders use PyTorch's defaults."""
    make_deterministic(1)
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode("default")


@contextmanager
def stage_callback(epochs: int, n_rows: int) -> Iterator[MainProcessCallback]:
    """Provide the callback of the stage, which writes to a temporary folder."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Checkpoints(Path(folder) / "kept", {}) as checkpoints,
        DeferredStop() as stop,
    ):
        progress, curves = Progress(epochs, n_rows), LiveCurves(Path(folder) / "curves.csv", EpochRecord._fields)
        yield MainProcessCallback(checkpoints, progress, curves, stop, seconds=60)
