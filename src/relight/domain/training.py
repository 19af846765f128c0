"""The training loop: five steps in plain sight. Knows tensors, not files; writes and prints nothing."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from relight.domain.clipping import clip_gradients
from relight.domain.early_stopping import EarlyStopping
from relight.domain.losses import Loss
from relight.domain.models.members import Members
from relight.domain.optimizers import Optimizer
from relight.domain.predicting import predict
from relight.domain.rows import Rows
from relight.domain.schedules import Schedule
from relight.domain.validation_score import Score
from relight.errors import RunError


class Epoch(NamedTuple):
    """One line of the curves.

    Attributes:
        train_loss: the mean over the epoch's batches, before each step.
        validation_loss: after the epoch. Both losses are on the network's scale: where the target is scaled, so
            are they.
        validation_score: of the answers, in the target's own unit; what early stopping looks at.
        learning_rate: of the epoch's steps.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float


def fit(
    model: nn.Module,
    train: Rows,
    validation: Rows,
    *,
    loss_fn: Loss,
    score_fn: Score,
    optimizer: Optimizer,
    schedule: Schedule,
    epochs: Iterable[int],
    batch_size: Literal["full"] | int,
    seed: int,
    gradient_clip: float | None,
    early_stopping: EarlyStopping | None,
) -> list[Epoch]:
    """Train the model in place and return its history, one entry an epoch.

    With early stopping the model ends with its best weights, else with its last.

    Raises:
        RunError: at the end of the first epoch whose loss is not finite.
    """
    history: list[Epoch] = []
    for epoch in epochs:
        optimizer.learning_rate = schedule(epoch)
        shuffled = batches(train, batch_size, seed + epoch)
        train_loss = train_epoch(model, train, loss_fn, optimizer, shuffled, gradient_clip)
        validation_loss, score = validate(model, validation, loss_fn, score_fn)
        history.append(Epoch(epoch, train_loss, validation_loss, score, optimizer.learning_rate))
        _assert_finite(history[-1])
        if early_stopping:
            early_stopping.update(score, model)
            if early_stopping.should_stop:
                break
    if early_stopping:
        model.load_state_dict(early_stopping.best_weights)
    return history


def train_epoch(
    model: nn.Module,
    train: Rows,
    loss_fn: Loss,
    optimizer: Optimizer,
    batches: Iterable[Rows],
    gradient_clip: float | None = None,
) -> float:
    """One pass over the train rows; returns the mean loss per row."""
    model.train()
    total = torch.zeros((), device=train.target.device)
    all_weight = weight_of(train)
    # Each of several copies feels its own loss, not its share of their mean.
    whole = torch.full_like(total, len(model.copies)) if isinstance(model, Members) else None
    for batch in batches:
        predictions = model(*batch.inputs)  # 1. forward
        loss = loss_fn(predictions, batch.target, batch.weight)  # 2. loss
        optimizer.zero_grad()  # 3. zero_grad
        loss.backward(whole)  # type: ignore[no-untyped-call]  # 4. backward
        if gradient_clip is not None:
            clip_gradients(copies_of(model), gradient_clip)
        optimizer.step()  # 5. step
        total += loss.detach() * (weight_of(batch) / all_weight)
    return total.item()


def validate(model: nn.Module, validation: Rows, loss_fn: Loss, score_fn: Score) -> tuple[float, float]:
    """The loss and the score over all rows, without learning from them."""
    outputs = predict(model, validation.inputs)
    return loss_fn(outputs, validation.target, validation.weight).item(), score_fn(outputs)


def batches(rows: Rows, batch_size: Literal["full"] | int, seed: int) -> Iterator[Rows]:
    """All rows at once, in order; or batches of a permutation that only the seed decides.

    A single row that is left over joins the batch before it: batch normalisation knows no deviation of one row.
    """
    if batch_size == "full":
        yield rows
        return
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows.target), generator=generator).to(rows.target.device)
    for picked in torch.split(order, batch_sizes(len(order), batch_size)):
        yield rows.pick(picked)


def batch_sizes(n_rows: int, batch_size: int) -> list[int]:
    whole, left = divmod(n_rows, batch_size)
    if left == 1 and whole and batch_size > 1:
        return [*[batch_size] * (whole - 1), batch_size + 1]
    return [*[batch_size] * whole, *([left] if left else [])]


def copies_of(model: nn.Module) -> list[list[Tensor]]:
    """The weights of each of several copies, or of the one model that there is."""
    parts = list(model.copies) if isinstance(model, Members) else [model]
    return [[weight for weight in part.parameters() if weight.requires_grad] for part in parts]


def weight_of(rows: Rows) -> int | Tensor:
    """How much the rows count together."""
    return len(rows.target) if rows.weight is None else rows.weight.sum()


def _assert_finite(epoch: Epoch) -> None:
    if not math.isfinite(epoch.train_loss + epoch.validation_loss + epoch.validation_score):
        raise RunError(
            f"train: the loss is no longer a number at epoch {epoch.epoch}, with learning rate "
            f"{epoch.learning_rate:g} (train {epoch.train_loss:g}, validation {epoch.validation_loss:g}); "
            "lower train.optimizer.learning_rate, or set model.numeric to standardize"
        )
