"""The training loop: five steps in plain sight. Knows tensors, not files; writes and prints nothing."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import torch
from torch import nn

from relight.domain.early_stopping import EarlyStopping
from relight.domain.losses import Loss
from relight.domain.optimizers import Optimizer
from relight.domain.predicting import predict
from relight.domain.rows import Rows
from relight.errors import RunError


class Epoch(NamedTuple):
    """One line of the curves. `train_loss` is the mean over the epoch's batches, before each step."""

    epoch: int
    train_loss: float
    validation_loss: float


def fit(
    model: nn.Module,
    train: Rows,
    validation: Rows,
    *,
    loss_fn: Loss,
    optimizer: Optimizer,
    epochs: Iterable[int],
    batch_size: Literal["full"] | int,
    seed: int,
    early_stopping: EarlyStopping | None,
) -> list[Epoch]:
    """Train the model in place and return its history, one entry an epoch.

    With early stopping the model ends with its best weights, else with its last.

    Raises:
        RunError: at the end of the first epoch whose loss is not finite.
    """
    history: list[Epoch] = []
    for epoch in epochs:
        train_loss = train_epoch(model, train, loss_fn, optimizer, batches(train, batch_size, seed + epoch))
        validation_loss = loss_of(model, validation, loss_fn)
        history.append(Epoch(epoch, train_loss, validation_loss))
        if not math.isfinite(train_loss + validation_loss):
            raise RunError(
                f"train: the loss is no longer a number at epoch {epoch}, with learning rate "
                f"{optimizer.params.learning_rate:g} (train {train_loss:g}, validation {validation_loss:g}); "
                "lower train.optimizer.learning_rate, or set model.numeric to standardize"
            )
        if early_stopping:
            early_stopping.update(validation_loss, model)
            if early_stopping.should_stop:
                break
    if early_stopping:
        model.load_state_dict(early_stopping.best_weights)
    return history


def train_epoch(model: nn.Module, train: Rows, loss_fn: Loss, optimizer: Optimizer, batches: Iterable[Rows]) -> float:
    """One pass over the train rows; returns the mean loss per row."""
    model.train()
    total = torch.zeros((), device=train.target.device)
    for batch in batches:
        predictions = model(*batch.inputs)  # 1. forward
        loss = loss_fn(predictions, batch.target)  # 2. loss
        optimizer.zero_grad()  # 3. zero_grad
        loss.backward()  # type: ignore[no-untyped-call]  # 4. backward
        optimizer.step()  # 5. step
        total += loss.detach() * (len(batch.target) / len(train.target))
    return total.item()


def batches(rows: Rows, batch_size: Literal["full"] | int, seed: int) -> Iterator[Rows]:
    """All rows at once, in order; or batches of a permutation that only the seed decides."""
    if batch_size == "full":
        yield rows
        return
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows.target), generator=generator).to(rows.target.device)
    for picked in torch.split(order, batch_size):
        yield Rows(
            tuple(part.index_select(0, picked) for part in rows.inputs),
            rows.target.index_select(0, picked),
        )


def loss_of(model: nn.Module, rows: Rows, loss_fn: Loss) -> float:
    """The loss over all rows, without learning from them."""
    with torch.inference_mode():
        return loss_fn(predict(model, rows.inputs), rows.target).item()
