"""Relight: windows are views into the steps, gathered batch by batch."""

import torch
from torch import Tensor, nn
from training_jobs.relight_fit import deterministic, stage_callback

from relight.model.rows import StoredRows
from relight.model.series import Windows
from relight.train.batches import InMemoryBatches
from relight.train.loop import Validation, fit
from relight.train.losses.losses import l1
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.params import OptimizerParams
from relight.train.series import skip_missing_targets
from relight.train.state import TrainingState
from sequence_jobs.cost import Pace, Stopwatch
from sequence_jobs.setting import BATCH, HORIZON, LEARNING_RATE, LENGTH, WEIGHT_DECAY, NLinear, series

ADAMW = OptimizerParams(name="adamw", learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, momentum=0.0)
VALIDATION_WINDOWS = 1024


class WindowsNLinear(nn.Module):
    """NLinear for Relight's inputs: past (n, LENGTH, 1) and future (n, HORIZON, 0) → (n, HORIZON)."""

    def __init__(self) -> None:
        super().__init__()
        self.network = NLinear()

    def forward(self, past: Tensor, _: Tensor) -> Tensor:
        out: Tensor = self.network(past.squeeze(2))
        return out


def relight_windows(n_steps: int) -> Pace:
    """Train one epoch as the stage does: deterministic, with missing targets left out, validation and callback."""
    values = series(n_steps)
    origin = torch.arange(LENGTH, n_steps - HORIZON + 1)
    train, validation = (
        Windows(values.unsqueeze(1), values, origins, LENGTH, HORIZON, n_future=0)
        for origins in (origin, origin[-VALIDATION_WINDOWS:])
    )
    model = WindowsNLinear()
    state = TrainingState(model, build_optimizer(ADAMW, model))
    with deterministic(), stage_callback(1, len(origin)) as callback:
        stopwatch = Stopwatch()
        fit(
            state,
            InMemoryBatches(train, BATCH, seed=42),
            Validation(StoredRows(validation.inputs, validation.target), lambda _: 0.0),
            loss_fn=skip_missing_targets(l1),
            schedule=Schedule(1, lambda _epoch, _step: LEARNING_RATE),
            callbacks=[callback],
        )
        return stopwatch.pace(len(origin))
