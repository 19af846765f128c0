"""The line that a model of one column has learned, in the units of the data."""

from torch import nn

from relight.domain.back import Back
from relight.domain.fitted import Fitted
from relight.domain.models.linear import Linear, LinearParameters


def learned_line(model: nn.Module) -> dict[str, float] | None:
    """Weight and bias of y = weight * x + bias; None where the model is no straight line of one column."""
    body = model.body if isinstance(model, Fitted) else model
    match body:
        case LinearParameters():
            weight, bias = body.weights.item(), body.bias.item()
        case Linear() if body.linear_layer.weight.numel() == 1:
            weight, bias = body.linear_layer.weight.item(), body.linear_layer.bias.item()
        case _:
            return None
    if isinstance(model, Fitted):
        if model.front.scale.numel() != 1:
            return None
        weight = weight / model.front.scale.item()
        bias = bias - weight * model.front.shift.item()
        if isinstance(model.back, Back):
            scale, mean = model.back.scale.item(), model.back.mean.item()
            weight, bias = weight * scale, bias * scale + mean
    return {"weight": weight, "bias": bias}
