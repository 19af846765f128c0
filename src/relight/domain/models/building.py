"""Params and features → the network that they describe.

The families from the authors' packages are imported where they are chosen: those packages import scikit-learn,
2 CPU seconds that a straight line need not wait for.
"""

from torch import nn

from relight.domain.back import Back
from relight.domain.features import Features
from relight.domain.fitted import Fitted
from relight.domain.front import Front, needs_front
from relight.domain.models.categories import Categories
from relight.domain.models.flat import Flat
from relight.domain.models.linear import Linear, LinearParameters
from relight.domain.models.members import Members
from relight.domain.models.mlp import Mlp
from relight.domain.models.requirements import assert_model_reads
from relight.domain.models.tower import Pairs
from relight.domain.target_choice import TargetScale
from relight.domain.temperature import Temperature
from relight.params.model import MlpPleParams, ModelParams, TabmParams, TowerParams


def build_model(params: ModelParams, features: Features, *, target_scale: TargetScale, seeds: int = 1) -> nn.Module:
    """A new network with weights drawn from torch's generator: seed it first.

    Raises:
        InputError: when the model cannot read these features.
    """
    assert_model_reads(params, features)
    if features.pairs is not None:
        return Pairs(features, features.pairs, params.tower or TowerParams())
    if features.series is not None:
        from relight.domain.models.forecast_building import build_forecaster

        return build_forecaster(params, features.series)
    d_out = 1 if features.task in ("regression", "binary", "ranking") else len(features.classes or [])
    if not needs_front(params, features, target_scale, seeds):
        return _network(params, len(features.numeric), d_out)
    front = Front(features, params.numeric)
    copies = [_body(params, features, front, d_out) for _ in range(seeds)]
    return Fitted(front, copies[0] if seeds == 1 else Members(copies), _back(features, target_scale))


def _back(features: Features, target_scale: TargetScale) -> nn.Module:
    if features.task == "ranking":
        return nn.Identity()
    if features.task != "regression":
        return Temperature()
    return nn.Identity() if target_scale == "none" else Back(features, target_scale)


def _body(params: ModelParams, features: Features, front: Front, d_out: int) -> nn.Module:
    """What learns: (numbers, codes) in, outputs on the network's scale out."""
    match params.name:
        case "linear_parameters" | "linear" | "mlp":
            categories = Categories(front.n_levels)
            return Flat(categories, _network(params, front.d_numbers + sum(categories.widths), d_out))
        case "mlp_ple":
            return _mlp_ple(params.mlp_ple, features, front, d_out)
        case "tabm" | "tabm_small":
            return _tabm(getattr(params, params.name), features, front, d_out)
        case "ft_transformer":
            from relight.domain.models.ft_transformer import FtTransformer

            return FtTransformer(front.d_numbers, front.n_levels, d_out, params.ft_transformer)
        case "convolution" | "rnn" | "lstm" | "gru":
            return _of_sequences(params, features, front, d_out)
        case _:
            raise AssertionError("auto is settled before; forecasts and towers have no front of this kind")


def _of_sequences(params: ModelParams, features: Features, front: Front, d_out: int) -> nn.Module:
    from relight.domain.models.sequence_building import sequence_body
    from relight.domain.models.steps import Steps

    assert features.sequence is not None
    assert params.name in ("convolution", "rnn", "lstm", "gru")
    categories = Categories(front.n_levels)
    d_past, length = front.d_numbers + sum(categories.widths), features.sequence.longest
    section = getattr(params, params.name)
    return Steps(categories, sequence_body(params.name, section, d_past, 0, d_out, length=length, horizon=0))


def _network(params: ModelParams, d_in: int, d_out: int) -> nn.Module:
    """A network of one flat row."""
    match params.name:
        case "linear_parameters":
            return LinearParameters()
        case "linear":
            return Linear(d_in, d_out)
        case _:
            assert params.mlp is not None
            return Mlp(d_in, d_out, params.mlp)


def _mlp_ple(params: MlpPleParams, features: Features, front: Front, d_out: int) -> nn.Module:
    from relight.domain.models.bins import bins_of
    from relight.domain.models.mlp_ple import MlpPle
    from relight.domain.models.numeric_embeddings import NumericEmbeddings

    numbers = NumericEmbeddings(bins_of(features, front, params.n_bins), front.d_numbers, params.d_embedding)
    return MlpPle(numbers, Categories(front.n_levels), d_out, params)


def _tabm(params: TabmParams, features: Features, front: Front, d_out: int) -> nn.Module:
    from relight.domain.models.bins import bins_of
    from relight.domain.models.numeric_embeddings import NumericEmbeddings
    from relight.domain.models.tabm import Tabm

    numbers = NumericEmbeddings(bins_of(features, front, params.n_bins), front.d_numbers, params.d_embedding)
    return Tabm(numbers, Categories(front.n_levels), d_out, params)
