"""A trained model learns how sure it may be: on the validation rows, after its training."""

from torch import nn

from relight.domain.fitted import Fitted
from relight.domain.log_loss import log_loss
from relight.domain.parts import Parts
from relight.domain.predicting import predict
from relight.domain.schema import Task
from relight.domain.temperature import Temperature, best_temperature


def calibrate(model: nn.Module, task: Task, parts: Parts) -> None:
    """Put the temperature that suits the validation rows best behind the model."""
    assert isinstance(model, Fitted)
    assert isinstance(model.back, Temperature)
    logits = predict(model, parts.validation.rows.inputs)  # at temperature 1
    target = parts.validation.rows.target
    model.back.temperature.fill_(
        best_temperature(lambda t: log_loss(task, logits.double() / t, target, parts.sample_weight), len(target))
    )
