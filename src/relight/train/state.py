"""Resumable state, early stopping.

When to stop, and which weights were the best.

A training under way: all that its next step depends on, and all that its result holds.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from relight.train.optimizers import Optimizer


@dataclass
class EarlyStopping:
    """Keeps the weights with the lowest score; says when `patience` epochs brought no lower one."""

    patience: int
    best_score: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    epochs_without_gain: int = 0

    def update(self, score: float, model: nn.Module) -> None:
        if score < self.best_score:
            self.best_score = score
            self.best_weights = {name: value.clone() for name, value in model.state_dict().items()}
            self.epochs_without_gain = 0
        else:
            self.epochs_without_gain += 1

    def save(self) -> dict[str, Any]:
        """What the next epochs depend on."""
        return {
            "best_score": self.best_score,
            "best_weights": self.best_weights,
            "epochs_without_gain": self.epochs_without_gain,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        self.best_score, self.epochs_without_gain = saved["best_score"], saved["epochs_without_gain"]
        self.best_weights = saved["best_weights"]

    @property
    def should_stop(self) -> bool:
        return self.epochs_without_gain >= self.patience


class EpochRecord(NamedTuple):
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


@dataclass
class TrainingState:
    """Saved and restored, it trains on as if it had never stopped, to the last bit.

    Attributes:
        epoch: the one under way, counted from 0.
        step: batches of it that are done.
        loss: of these batches, each times its share of the rows; () float32 on the model's device.
        history: the epochs that are done.
    """

    model: nn.Module
    optimizer: Optimizer
    early_stopping: EarlyStopping | None = None
    epoch: int = 0
    step: int = 0
    loss: Tensor = field(init=False)
    history: list[EpochRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loss = torch.zeros((), device=self.device)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def is_over(self, epochs: int) -> bool:
        return self.epoch >= epochs or (self.early_stopping is not None and self.early_stopping.should_stop)

    def accumulate(self, loss: Tensor, weight: float | Tensor) -> None:
        """Write a step down: the loss of its batch, without its graph. It stays on the device until the epoch ends."""
        part = loss * weight if isinstance(weight, Tensor) or weight < 1 else loss
        self.loss = part if self.step == 0 else self.loss.add_(part)
        self.step += 1

    def end_epoch(self, done: EpochRecord) -> None:
        """Write the epoch down and turn to the next one."""
        self.history.append(done)
        if self.early_stopping:
            self.early_stopping.update(done.validation_score, self.model)
        self.epoch, self.step = self.epoch + 1, 0

    def is_finite(self) -> bool:
        """Whether the loss so far and all weights are numbers."""
        return all(bool(value.isfinite().all()) for value in (self.loss, *self.model.state_dict().values()))

    def save(self) -> dict[str, Any]:
        """Tensors, numbers, lists and dicts of them. The order of the rows is not among them: the epoch decides it."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.save(),
            "early_stopping": None if self.early_stopping is None else self.early_stopping.save(),
            "epoch": self.epoch,
            "step": self.step,
            "loss": self.loss,
            "history": [list(epoch) for epoch in self.history],
            "random": _random_states(self.device),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what `save` returned, on the device where the model is."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.restore(saved["optimizer"])
        if self.early_stopping is not None:
            self.early_stopping.restore(saved["early_stopping"])
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.loss = saved["loss"].to(self.device)
        self.history = [EpochRecord(*epoch) for epoch in saved["history"]]
        _restore_random(saved["random"], self.device)


def _random_states(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    match device.type:
        case "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        case "mps":
            states["mps"] = torch.mps.get_rng_state()
    return states


def _restore_random(states: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"].cpu())
    match device.type:
        case "cuda":
            torch.cuda.set_rng_state(states["cuda"].cpu(), device)
        case "mps":
            torch.mps.set_rng_state(states["mps"].cpu())
