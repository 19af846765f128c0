"""A training under way: everything that its next step depends on, and everything that its result holds."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from relight.model.monitor import USUAL_SCORE, Monitor
from relight.train.distributed.group import ProcessGroup, SingleProcess
from relight.train.optim.optimizers import Optimizer


@dataclass
class EarlyStopping:
    """Keeps the weights with the best score, and stops after `patience` epochs without a better one.

    Attributes:
        best_score: as a loss, of which the lowest is the best.
    """

    patience: int
    monitor: Monitor = USUAL_SCORE
    best_score: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    epochs_without_gain: int = 0

    def update(self, score: float, model: nn.Module) -> None:
        if self.monitor.as_loss(score) < self.best_score:
            self.best_score = self.monitor.as_loss(score)
            self.best_weights = {name: value.clone() for name, value in model.state_dict().items()}
            self.epochs_without_gain = 0
        else:
            self.epochs_without_gain += 1

    def save(self) -> dict[str, Any]:
        """Return what the next epochs depend on."""
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
        validation_loss: after the epoch. Both losses are on the network's scale: if the target is scaled, so are they.
        validation_score: what early stopping watches; model.json names it if it is not the usual score of the loss.
        learning_rate: of the epoch's last step.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float


@dataclass
class TrainingState:
    """Saved and restored, a training continues as if it had never stopped, to the last bit.

    Attributes:
        group: the processes that train the model together.
        forward_model: calls the model in the forward pass of a step: the model itself, or a compiled one.
        epoch: the epoch under way, counted from 0.
        step: the number of its batches that are done.
        loss: of these batches, each times its share of the rows; () float32 on the model's device.
        history: the epochs that are done.
    """

    model: nn.Module
    optimizer: Optimizer
    early_stopping: EarlyStopping | None = None
    group: ProcessGroup = field(default_factory=SingleProcess)
    forward_model: nn.Module = field(init=False)
    epoch: int = 0
    step: int = 0
    loss: Tensor = field(init=False)
    history: list[EpochRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.forward_model = self.model
        self.loss = torch.zeros((), device=self.device)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def is_over(self, epochs: int) -> bool:
        return self.epoch >= epochs or (self.early_stopping is not None and self.early_stopping.should_stop)

    def accumulate(self, loss: Tensor, weight: float | Tensor) -> None:
        """Add the loss of a batch, without its graph; the sum stays on the device until the epoch ends."""
        part = loss * weight if isinstance(weight, Tensor) or weight < 1 else loss
        self.loss = part if self.step == 0 else self.loss.add_(part)
        self.step += 1

    def epoch_record(self, validation_loss: float, validation_score: float, learning_rate: float) -> EpochRecord:
        """Return the line of the curves for this epoch, the same in all processes, so that all stop together."""
        train_loss = self.group.all_reduce(self.loss).item()
        numbers = (train_loss, validation_loss, validation_score, learning_rate)
        return EpochRecord(self.epoch, *self.group.broadcast_numbers(numbers))

    def end_epoch(self, done: EpochRecord) -> None:
        """Append the epoch to the history, and begin the next one."""
        self.history.append(done)
        if self.early_stopping:
            self.early_stopping.update(done.validation_score, self.model)
        self.epoch, self.step = self.epoch + 1, 0

    def is_finite(self) -> bool:
        """Return whether the loss so far and all weights are finite."""
        return all(bool(value.isfinite().all()) for value in (self.loss, *self.model.state_dict().values()))

    def save(self) -> dict[str, Any]:
        """Return a checkpoint: tensors, numbers, lists and dicts of them. The epoch decides the order of the rows."""
        saved = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.save(),
            "early_stopping": None if self.early_stopping is None else self.early_stopping.save(),
            "epoch": self.epoch,
            "step": self.step,
            "loss": self.loss,
            "history": [list(epoch) for epoch in self.history],
            "random": _random_states(self.device),
        }
        return self.group.gather_state(saved)

    def restore(self, saved: dict[str, Any]) -> None:
        """Go back to what `save` returned in this process, on the device of the model."""
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
