"""Epochs and the five steps.

Gradients cut to a length, so that one odd batch cannot throw the weights away.

In which numbers the forward pass and the loss of a training are computed.

The training loop: five steps in plain sight. Knows tensors, not files; writes and prints nothing.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from relight.errors import RunError
from relight.model.inference import prediction_batch_size, set_training_mode
from relight.model.pipeline import DeepEnsemble
from relight.model.rows import Rows, StoredRows
from relight.train.batches import Batches
from relight.train.distributed.group import ProcessGroup, SingleProcess
from relight.train.losses import Loss
from relight.train.optimizers import Schedule
from relight.train.state import EpochRecord, TrainingState
from relight.train.validation_score import ScoreFunction

Precision = Literal["fp32", "bf16"]
TrainStep = Callable[[Rows, Tensor | None], Tensor]  # a batch and its pull → the loss before the step, ()
NO_AUTOCAST: AbstractContextManager[Any] = nullcontext()


def clip_gradients(groups: list[list[Tensor]], longest: float) -> None:
    """Scale the gradients of each group down to the length `longest`, where they are longer (Pascanu et al. 2013).

    A group is what has a loss of its own: a model, or one of several copies.
    """
    for weights in groups:
        clip_grad_norm_(weights, longest)


def autocast_for(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """A context, entered anew for each step: all in float32, or matrix products in bfloat16 and losses in float32.

    The weights, their gradients and the validation stay in float32: so does the model that is saved. bfloat16 has
    the range of float32, so no loss needs scaling (Micikevicius et al. 2018, "Mixed Precision Training").
    """
    match precision:
        case "fp32":
            return nullcontext()
        case "bf16":
            return torch.autocast(device.type, torch.bfloat16)


class TrainingCallback(Protocol):
    """Looks at a training from outside: shows it, saves it, ends it by an exception."""

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None: ...

    def at_end(self, state: TrainingState) -> None:
        """Before the best weights take the place of the last ones."""


def fit(
    state: TrainingState,
    train: Batches,
    validation: Rows | StoredRows,
    *,
    loss_fn: Loss,
    score_fn: ScoreFunction,
    schedule: Schedule,
    epochs: int,
    gradient_clip: float | None,
    callback: TrainingCallback,
    group: ProcessGroup | None = None,
    forward_model: nn.Module | None = None,
    autocast: AbstractContextManager[Any] = NO_AUTOCAST,
    wrap_step: Callable[[TrainStep], TrainStep] | None = None,
) -> None:
    """Train the model of `state` in place, from where it is.

    With early stopping the model ends with its best weights, else with its last.

    Args:
        network: what stands for the model in the forward pass of a step, on the same weights.
        casting: within which forward and loss of a step are computed.
        faster: makes of a step one that does the same in less time.

    Raises:
        RunError: at the end of the first epoch whose loss is not finite.
    """
    group = group or SingleProcess()
    forward_model = group.wrap_model(
        state.model if forward_model is None else forward_model, validation
    )  # a compiled one has no truth
    step = train_step(state, forward_model, loss_fn, gradient_clip, autocast)
    step = wrap_step(step) if wrap_step else step
    batch_size = prediction_batch_size(state.model)
    while not state.is_over(epochs):
        state.optimizer.learning_rate = schedule(state.epoch)
        set_training_mode(forward_model, training=True)
        train_epoch(state, train, step, callback)
        train_loss = group.all_reduce(state.loss).item()
        validation_loss, score = validate(state.model, validation, loss_fn, score_fn, batch_size, group)
        done = group.broadcast_epoch(
            EpochRecord(state.epoch, train_loss, validation_loss, score, state.optimizer.learning_rate)
        )
        _assert_finite(done)
        state.end_epoch(done)
        callback.after_epoch(state)
    callback.at_end(state)
    if state.early_stopping:
        state.model.load_state_dict(state.early_stopping.best_weights)


def train_step(
    state: TrainingState,
    forward_model: nn.Module,
    loss_fn: Loss,
    gradient_clip: float | None = None,
    autocast: AbstractContextManager[Any] = NO_AUTOCAST,
) -> TrainStep:
    """What is done with each batch.

    Args:
        network: what calls the model of `state` and sees to the gradients.
    """
    model, optimizer = state.model, state.optimizer
    # Each of several copies feels its own loss, not its share of their mean.
    n_networks = torch.full_like(state.loss, len(model.networks)) if isinstance(model, DeepEnsemble) else None

    def step(rows: Rows, grad_scale: Tensor | None) -> Tensor:
        with autocast:
            predictions = forward_model(*rows.inputs)  # 1. forward
            loss = loss_fn(predictions, rows.target, rows.weight)  # 2. loss
        optimizer.zero_grad()  # 3. zero_grad
        loss.backward(_product(n_networks, grad_scale))  # type: ignore[no-untyped-call]  # 4. backward
        if gradient_clip is not None:
            clip_gradients(weights_by_network(model), gradient_clip)
        optimizer.step()  # 5. step
        return loss.detach()

    return step


def train_epoch(state: TrainingState, train: Batches, step: TrainStep, callback: TrainingCallback) -> None:
    """The batches of the epoch that are left."""
    for rows, weight_fraction, grad_scale in train.epoch_batches(state.epoch, state.step):
        state.accumulate(step(rows, grad_scale), weight_fraction)
        callback.after_step(state)


def validate(
    model: nn.Module,
    validation: Rows | StoredRows,
    loss_fn: Loss,
    score_fn: ScoreFunction,
    batch_size: int,
    group: ProcessGroup,
) -> tuple[float, float]:
    """The loss and the score over all rows, `at_once` in one go, without learning from them."""
    set_training_mode(model, training=False)
    with torch.inference_mode():
        outputs = group.predict(model, validation.inputs, batch_size)
        return loss_fn(outputs, validation.target, validation.weight).item(), score_fn(outputs)


def weights_by_network(model: nn.Module) -> list[list[Tensor]]:
    """The weights of each of several copies, or of the one model that there is."""
    parts = list(model.networks) if isinstance(model, DeepEnsemble) else [model]
    return [[weight for weight in part.parameters() if weight.requires_grad] for part in parts]


def _product(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """None is 1."""
    if one is None or other is None:
        return other if one is None else one
    return one * other


def _assert_finite(epoch: EpochRecord) -> None:
    if not math.isfinite(epoch.train_loss + epoch.validation_loss + epoch.validation_score):
        raise RunError(
            f"train: the loss is no longer a number at epoch {epoch.epoch}, with learning rate "
            f"{epoch.learning_rate:g} (train {epoch.train_loss:g}, validation {epoch.validation_loss:g}); "
            "lower train.optimizer.learning_rate, or set model.numeric to standardize"
        )
