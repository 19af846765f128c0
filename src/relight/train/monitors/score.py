"""The function that scores the validation rows after each epoch, by what params.yaml asks for."""

from relight.own_code.calls import Call
from relight.train.auto import LossName
from relight.train.datasets import TrainingData
from relight.train.monitors.choice import asked_monitor, has_score
from relight.train.monitors.metrics import metric_of
from relight.train.monitors.own import own_metric
from relight.train.params import MetricName, MonitorCall, TrainParams
from relight.train.scores import ScoreFunction

USUAL_SCORES: dict[MetricName, LossName] = {"rmse": "mse", "mae": "l1", "log_loss": "cross_entropy"}  # of these losses


def build_score_fn(params: TrainParams, loss: LossName | Call, data: TrainingData) -> ScoreFunction | None:
    """Return outputs for the validation rows → their score; None if the loss is the score.

    Raises:
        InputError: if an own metric is not there, or does not take its arguments.
    """
    match asked_monitor(params):
        case MonitorCall() as call:
            return own_metric(call, data.truth())
        case "loss":
            return None
        case "score":
            return data.score_fn(loss) if has_score(loss) else None
        case name:
            truth = data.truth()
            if name in USUAL_SCORES and truth.task != "distribution":
                return data.score_fn(USUAL_SCORES[name])
            return metric_of(name, truth)
