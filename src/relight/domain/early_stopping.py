"""When to stop, and which weights were the best."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


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
