"""When to stop, and which weights were the best."""

from dataclasses import dataclass, field

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

    @property
    def should_stop(self) -> bool:
        return self.epochs_without_gain >= self.patience
