"""The training loop: epochs of batches, and five steps for each batch. It knows tensors, not files."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from relight.errors import RunError
from relight.model.inference import prediction_batch_size, set_training_mode
from relight.model.pipeline import DeepEnsemble
from relight.model.rows import Rows, StoredRows
from relight.train.batches import Batches
from relight.train.losses.losses import Loss
from relight.train.optim.schedules import Schedule
from relight.train.scores import ScoreFunction
from relight.train.state import EpochRecord, TrainingState

TrainStep = Callable[[Rows, Tensor | None], Tensor]  # a batch and the scale of its gradient → its loss, ()
NO_AUTOCAST: AbstractContextManager[Any] = nullcontext()


class Validation(NamedTuple):
    """The validation rows, and how their outputs are scored; None if their loss is the score."""

    rows: Rows | StoredRows
    score_fn: ScoreFunction | None


class TrainingCallback(Protocol):
    """Observes a training: shows its progress, saves checkpoints, and may end it by raising."""

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None: ...

    def at_end(self, state: TrainingState) -> None:
        """Called before the best weights replace the last ones."""


def fit(
    state: TrainingState,
    train: Batches,
    validation: Validation,
    *,
    loss_fn: Loss,
    schedule: Schedule,
    callbacks: Sequence[TrainingCallback] = (),
    autocast: AbstractContextManager[Any] = NO_AUTOCAST,
    wrap_step: Callable[[TrainStep], TrainStep] | None = None,
    loss_name: str = "the loss",
) -> None:
    """Train the model of `state` in place, from where it is.

    With early stopping the model ends with its best weights, else with its last.

    Args:
        autocast: the context of forward and loss; it chooses their precision.
        wrap_step: makes of a step a faster one with the same result.
        loss_name: for the message that it is no longer a number.

    Raises:
        RunError: at the end of the first epoch whose loss is not finite.
    """
    forward_model = state.group.wrap_model(state.forward_model, validation.rows)
    step = train_step(state, forward_model, loss_fn, autocast)
    step = wrap_step(step) if wrap_step else step
    batch_size = prediction_batch_size(state.model)
    while not state.is_over(schedule.epochs):
        set_training_mode(forward_model, training=True)
        train_epoch(state, train, step, schedule, callbacks)
        loss, score = validate(state, validation, loss_fn, batch_size)
        record = state.epoch_record(loss, score, schedule.learning_rate(state.epoch, state.step - 1))
        _assert_finite(record, loss_name)
        state.end_epoch(record)
        for callback in callbacks:
            callback.after_epoch(state)
    for callback in callbacks:
        callback.at_end(state)
    if state.early_stopping:
        state.model.load_state_dict(state.early_stopping.best_weights)


def train_epoch(
    state: TrainingState,
    train: Batches,
    step: TrainStep,
    schedule: Schedule,
    callbacks: Sequence[TrainingCallback] = (),
) -> None:
    """Take a step for each batch that is left of the epoch."""
    for rows, weight_fraction, grad_scale in train.epoch_batches(state.epoch, state.step):
        state.optimizer.learning_rate = schedule.learning_rate(state.epoch, state.step)
        loss = step(rows, grad_scale)
        state.accumulate(loss, weight_fraction)
        for callback in callbacks:
            callback.after_step(state)


def train_step(
    state: TrainingState,
    forward_model: nn.Module,
    loss_fn: Loss,
    autocast: AbstractContextManager[Any] = NO_AUTOCAST,
) -> TrainStep:
    """Return what is done with each batch.

    Args:
        forward_model: the model of `state`, or what calls it in the forward pass.
    """
    model, optimizer = state.model, state.optimizer
    # The loss is the mean over the networks of an ensemble, but each must get the gradient of its own loss.
    n_networks = torch.full_like(state.loss, len(model.networks)) if isinstance(model, DeepEnsemble) else None

    def step(rows: Rows, grad_scale: Tensor | None) -> Tensor:
        def closure() -> Tensor:
            with autocast:
                outputs = forward_model(*rows.inputs)  # 1. forward
                loss = loss_fn(outputs, rows.target, rows.weight)  # 2. loss
            optimizer.zero_grad()  # 3. zero_grad
            loss.backward(_product(n_networks, grad_scale))  # type: ignore[no-untyped-call]  # 4. backward
            optimizer.clip_gradients()
            return loss.detach()

        return optimizer.step(closure)  # 5. step: the closure is called once, by LBFGS several times

    return step


def validate(state: TrainingState, validation: Validation, loss_fn: Loss, batch_size: int) -> tuple[float, float]:
    """Return the loss and the score of the validation rows, without learning from them."""
    rows, score_fn = validation
    set_training_mode(state.model, training=False)
    with torch.inference_mode():
        outputs = state.group.predict(state.model, rows.inputs, batch_size)
        loss = loss_fn(outputs, rows.target, rows.weight).item()
        return loss, loss if score_fn is None else score_fn(outputs)


def try_validation(state: TrainingState, validation: Validation, loss_fn: Loss) -> None:
    """Score the validation rows once before the first step, so that a wrong score ends the run now, not after an epoch.

    Raises:
        InputError: if the metric is not defined on these rows.
        RunError: if an own metric raises an exception, or is no number.
    """
    with torch.random.fork_rng([state.device] if state.device.type == "cuda" else []):
        validate(state, validation, loss_fn, prediction_batch_size(state.model))


def _product(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Multiply two factors; None is 1."""
    if one is None or other is None:
        return other if one is None else one
    return one * other


def _assert_finite(epoch: EpochRecord, loss_name: str) -> None:
    if not math.isfinite(epoch.train_loss + epoch.validation_loss + epoch.validation_score):
        raise RunError(
            f"train: {loss_name} is no longer a number at epoch {epoch.epoch}, with learning rate "
            f"{epoch.learning_rate:g} (train {epoch.train_loss:g}, validation {epoch.validation_loss:g}); "
            "lower train.optimizer.learning_rate, or set model.numeric to standardize"
        )
