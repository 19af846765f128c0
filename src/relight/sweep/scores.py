"""The validation score of trials: what it is called, which way it is better, and which params make it another one."""

from typing import Literal

from relight.model.monitor import USUAL_SCORE, Monitor
from relight.sweep.params import Choices, Range, SweepParams
from relight.train.monitors.choice import KEY as MONITOR_KEY
from relight.train.monitors.choice import LOSSES_WITHOUT_SCORE

LOSSES_WITH_OTHER_SCORES = {"l1", "mse", "huber", *LOSSES_WITHOUT_SCORE}  # MAE, RMSE, or the loss itself
LOSS_KEYS = (
    "train.loss", "train.quantile", "train.focal_gamma", "train.margin", "train.label_smoothing", "train.class_weights",
    "model.target", "model.numeric",  # the scale of the target, and so of the loss
)  # fmt: skip


def direction_of(monitor: Monitor) -> Literal["minimize", "maximize"]:
    """Return the direction of the values of trials."""
    return "maximize" if monitor.better == "higher" else "minimize"


def score_name(monitor: Monitor) -> str:
    """Return the head of the values of trials."""
    if monitor == USUAL_SCORE:
        return "validation score"
    distance = "" if isinstance(monitor.better, str) else f", distance from {monitor.better:g}"
    return f"validation {monitor.name}{distance}"


def trial_value(scores: list[float], monitor: Monitor, *, keeps_best: bool) -> float:
    """Return the value of the model that training ends with: its validation score, or the distance from the best one.

    Args:
        scores: of each epoch.
        keeps_best: whether early stopping restores the best weights.
    """
    score = min(scores, key=monitor.as_loss) if keeps_best else scores[-1]
    return score if isinstance(monitor.better, str) else monitor.as_loss(score)


def keys_with_other_scores(sweep: SweepParams, monitor: Monitor) -> list[str]:
    """Return the swept params with which the validation score is another one, so that trials cannot be compared."""
    return [key for key, search in sweep.params.items() if _changes_score(key, search, monitor)]


def _changes_score(key: str, search: Range | Choices, monitor: Monitor) -> bool:
    if isinstance(search, Choices) and len(search.values) == 1:
        return False
    if key == "train.early_stopping" or key.startswith(MONITOR_KEY):
        return True
    if monitor.name == "loss":
        return any(key == each or key.startswith(f"{each}.") for each in LOSS_KEYS)
    is_usual = key == "train.loss" and monitor == USUAL_SCORE
    return is_usual and isinstance(search, Choices) and bool(LOSSES_WITH_OTHER_SCORES & set(search.values))
