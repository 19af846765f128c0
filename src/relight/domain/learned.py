"""The line that a model of one column has learned, in the units of the data."""

from torch import nn

from relight.domain.back import Back
from relight.domain.fitted import Fitted
from relight.domain.models.flat import Flat
from relight.domain.models.linear import Linear, LinearParameters
from relight.domain.standardize import Standardize


def learned_line(model: nn.Module) -> dict[str, float] | None:
    """Weight and bias of y = weight * x + bias; None where the model is no straight line of one column."""
    if not isinstance(model, Fitted):
        return _line_of(model)
    line = _line_of(model.body.network) if isinstance(model.body, Flat) else None
    if line is None or model.front.d_numbers != 1 or model.front.n_levels:
        return None
    match model.front.scaling:
        case Standardize() as scaling:
            line = _before(line, scaling.shift.item(), scaling.scale.item())
        case nn.Identity():
            pass
        case _:
            return None
    match model.back:
        case Back(is_log=False) as back:
            scale, mean = back.scale.item(), back.mean.item()
            return {"weight": line["weight"] * scale, "bias": line["bias"] * scale + mean}
        case nn.Identity():
            return line
        case _:
            return None


def _line_of(network: nn.Module) -> dict[str, float] | None:
    match network:
        case LinearParameters():
            return {"weight": network.weights.item(), "bias": network.bias.item()}
        case Linear() if network.linear_layer.weight.numel() == 1:
            return {"weight": network.linear_layer.weight.item(), "bias": network.linear_layer.bias.item()}
        case _:
            return None


def _before(line: dict[str, float], shift: float, scale: float) -> dict[str, float]:
    """The line of x whose line of (x - shift) / scale is known."""
    weight = line["weight"] / scale
    return {"weight": weight, "bias": line["bias"] - weight * shift}
