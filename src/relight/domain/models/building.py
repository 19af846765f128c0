"""Params and features → the network that they describe."""

from torch import nn

from relight.domain.back import Back
from relight.domain.features import Features
from relight.domain.fitted import Fitted
from relight.domain.front import Front, needs_front
from relight.domain.models.linear import Linear, LinearParameters
from relight.domain.models.mlp import Mlp
from relight.domain.models.requirements import assert_model_reads
from relight.params.model import ModelParams


def build_model(params: ModelParams, features: Features) -> nn.Module:
    """A new network with weights drawn from torch's generator: seed it first.

    Raises:
        InputError: when the model cannot read these features.
    """
    assert_model_reads(params, features)
    d_out = len(features.classes or []) if features.task == "multiclass" else 1
    if not needs_front(features, params.numeric):
        return _body(params, len(features.numeric), d_out)
    standardize = params.numeric == "standardize"
    front = Front(features, standardize=standardize)
    back = Back(features) if standardize and features.task == "regression" else nn.Identity()
    return Fitted(front, _body(params, front.d_out, d_out), back)


def _body(params: ModelParams, d_in: int, d_out: int) -> nn.Module:
    match params.name:
        case "linear_parameters":
            return LinearParameters()
        case "linear":
            return Linear(d_in, d_out)
        case "mlp":
            assert params.mlp is not None
            return Mlp(d_in, d_out, params.mlp)
