"""A name and its section → the network of sequences that they describe."""

from torch import nn

from relight.domain.models.convolution import Convolution
from relight.domain.models.decoder import Decoder
from relight.domain.models.dlinear import DLinear
from relight.domain.models.patch_transformer import PatchTransformer
from relight.domain.models.recurrent import Recurrent
from relight.errors import InputError
from relight.params.sequence_models import (
    ConvolutionParams,
    DecoderParams,
    DLinearParams,
    PatchTransformerParams,
    RecurrentParams,
    SequenceModelName,
)

SequenceParams = ConvolutionParams | RecurrentParams | DecoderParams | DLinearParams | PatchTransformerParams


def sequence_body(
    name: SequenceModelName,
    params: SequenceParams,
    d_past: int,
    d_future: int,
    d_out: int,
    *,
    length: int,
    horizon: int,
) -> nn.Module:
    """A new network with weights drawn from torch's generator: seed it first.

    Its forward takes past (n, length, d_past) float32, lengths (n,) int64 and future (n, horizon, d_future) float32.

    Args:
        params: the section of that name.
        d_past: channels of the past; in a forecast the first is the target.
        d_future: channels that are known ahead.
        d_out: classes, or 1 for a number; in a forecast the horizon.
        length: steps of the past, with padding.
        horizon: 0 where nothing is forecast.

    Raises:
        InputError: when the model forecasts, and nothing is to be forecast.
    """
    d_future_total = horizon * d_future
    match name, params:
        case "convolution", ConvolutionParams():
            return Convolution(d_past, d_future_total, d_out, params, length=length, horizon=horizon)
        case ("rnn" | "lstm" | "gru") as cell, RecurrentParams():
            return Recurrent(d_past, d_future_total, d_out, params, cell=cell, length=length)
        case "decoder", DecoderParams():
            _assert_forecast(name, horizon)
            return Decoder(d_past, d_future_total, horizon, params, length=length)
        case "dlinear", DLinearParams():
            _assert_forecast(name, horizon)
            return DLinear(d_future_total, horizon, params, length=length)
        case "patch_transformer", PatchTransformerParams():
            return PatchTransformer(d_past, d_future_total, d_out, params, length=length)
    raise AssertionError(f"{name} has another section than {type(params).__name__}")


def _assert_forecast(name: str, horizon: int) -> None:
    if horizon < 1:
        raise InputError(
            f"model.name: {name} continues a series, however: there are no steps to forecast; "
            "set model.name to convolution"
        )
