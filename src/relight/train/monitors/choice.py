"""The choice of what early stopping watches: the score of the loss, the loss, a metric of the task, or an own one."""

from typing import TypeGuard

from relight.data.schema import Task
from relight.errors import InputError
from relight.model.monitor import USUAL_SCORE, Monitor
from relight.own_code.calls import Call
from relight.train.auto import LossName
from relight.train.params import MetricName, MonitorCall, MonitorName, TrainParams

KEY = "train.early_stopping.monitor"
LOSSES_WITHOUT_SCORE = ("quantile", "poisson", "focal")  # another minimum than that of RMSE and log loss
LOWER_IS_BETTER = ("rmse", "mae", "log_loss", "kl_divergence")
METRICS_BY_TASK: dict[Task, tuple[MetricName, ...]] = {
    "regression": ("rmse", "mae", "r2"),
    "binary": ("log_loss", "accuracy", "balanced_accuracy", "auc", "average_precision"),
    "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "auc", "average_precision"),
    "distribution": ("kl_divergence", "mae", "top_1"),
    "forecast": ("mae", "rmse"),
    "ranking": ("ndcg@10", "ndcg@5", "map", "pairwise_accuracy"),
    "similarity": ("auc", "average_precision"),
}


def asked_monitor(params: TrainParams) -> MonitorName | MonitorCall:
    """Return what params.yaml asks for; without early stopping the score is computed all the same, for the curves."""
    return params.early_stopping.monitor if params.early_stopping else "score"


def has_score(loss: str | Call) -> TypeGuard[LossName]:
    """Return whether a loss, or `auto`, has a usual score: RMSE, MAE, log loss, 1 - NDCG@10, 1 - AUC."""
    return not isinstance(loss, Call) and loss not in LOSSES_WITHOUT_SCORE


def resolve_monitor(params: TrainParams, loss: str | Call) -> Monitor:
    """Return the name and the direction of what is watched with a loss, or with `auto`."""
    asked = asked_monitor(params)
    if isinstance(asked, MonitorCall):
        return Monitor(name=asked.score_name, better=asked.better)
    if asked == "score" and has_score(loss):
        return USUAL_SCORE
    if asked == "score":
        note = f"The score of the validation rows is their loss, because {loss} has no other one."
        return Monitor(name="loss", better="lower", note=note)
    if asked == "loss":
        return Monitor(name="loss", better="lower")
    return Monitor(name=asked, better="lower" if asked in LOWER_IS_BETTER else "higher")


def score_title(monitor: Monitor, loss: str | Call, task: Task) -> str:
    """Return the name of the score that is watched, as it is shown: RMSE, log loss, 1 - NDCG@10."""
    if monitor != USUAL_SCORE:
        return monitor.name
    match task:
        case "ranking":
            return "1 - NDCG@10"
        case "similarity":
            return "1 - AUC"
        case "regression" | "forecast":
            return "MAE" if loss == "l1" else "RMSE"
        case _:
            return "log loss"


def assert_metric_suits(params: TrainParams, task: Task) -> None:
    """Check that a metric that is watched is one of the task.

    Raises:
        InputError: if it is not.
    """
    asked, names = asked_monitor(params), ("score", "loss", *METRICS_BY_TASK[task])
    if not isinstance(asked, MonitorCall) and asked not in names:
        raise InputError(f"{KEY}: must be one of {', '.join(names)} for {task}, got {asked}")
