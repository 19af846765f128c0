"""The `model` section and the features → the model that they describe.

The fields of a section are the keyword arguments of its network; only this file knows both. The architectures from the
authors' packages are imported when they are chosen, because those packages import scikit-learn, 2 CPU seconds that a
straight line need not wait for.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from relight.data.features import Features, NumericFeature
from relight.model.build_sequences import build_forecaster, build_step_network
from relight.model.checks import TargetScale, assert_model_reads, columns_to_keep
from relight.model.networks.categories import Categories, ConcatFeatures
from relight.model.networks.mlp import Linear, LinearParameters, Mlp
from relight.model.networks.tower import NgramHasher, NumericColumns, SiameseModel, Tower
from relight.model.own_network import own_table_network
from relight.model.params import MlpPleParams, ModelParams, TabmParams, TowerParams
from relight.model.pipeline import DeepEnsemble, RateTransform, TabularModel, TargetTransform, Temperature
from relight.model.preprocessing import Preprocessor, needs_preprocessor
from relight.own_code.calls import Call


def build_model(
    params: ModelParams, features: Features, *, target_scale: TargetScale, seeds: int = 1, project: Path = Path()
) -> nn.Module:
    """Return a new network with weights drawn from torch's generator: seed it first.

    Args:
        project: the folder below which a network of the user's own lies.

    Raises:
        InputError: if the model cannot read these features.
    """
    assert_model_reads(params, features)
    match features.kind:
        case "pairs":
            return _siamese_model(params.tower or TowerParams(), features)
        case "series":
            return build_forecaster(params, features, project)
        case "table" | "sequences":
            return _tabular_model(params, features, target_scale, seeds, project)


def _tabular_model(
    params: ModelParams, features: Features, target_scale: TargetScale, seeds: int, project: Path
) -> nn.Module:
    """A network of table rows, or of sequences whose steps are table rows, with its preprocessor if it needs one."""
    d_out = 1 if features.task in ("regression", "binary", "ranking") else len(features.classes or [])
    if not needs_preprocessor(params, features, target_scale, seeds):
        return _network(params, len(features.numeric), d_out)
    preprocessor = Preprocessor(features, params.numeric)
    networks = [_preprocessed_network(params, features, preprocessor, d_out, project) for _ in range(seeds)]
    network = networks[0] if seeds == 1 else DeepEnsemble(networks)
    return TabularModel(preprocessor, network, _target_transform(features, target_scale))


def column_bins(features: Features, preprocessor: Preprocessor, n_bins: int) -> list[Tensor]:
    """Return the edges of the bins of each column that the preprocessor scales, on its scale."""
    from relight.model.networks.tabular import bin_edges

    kept = [features.numeric[index] for index in preprocessor.keep.tolist()]
    return bin_edges([_quantiles(feature) for feature in kept], preprocessor.scaling, n_bins=n_bins)


def _quantiles(feature: NumericFeature) -> list[float]:
    """The quantiles between the smallest and the largest value, because the outer two may come from some rows only."""
    return [feature.low, *feature.quantiles[1:-1], feature.high]


def _target_transform(features: Features, target_scale: TargetScale) -> nn.Module:
    if features.task == "ranking":
        return nn.Identity()
    if features.task != "regression":
        return Temperature()
    match target_scale:
        case "none":
            return nn.Identity()
        case "log_rate":
            return RateTransform(features)
        case "standardize" | "log":
            return TargetTransform(features, target_scale)


def _preprocessed_network(
    params: ModelParams, features: Features, preprocessor: Preprocessor, d_out: int, project: Path
) -> nn.Module:
    """The part that learns: x_num and x_cat in, outputs on the network's scale out."""
    match params.name:
        case Call() as call if features.kind == "table":
            return own_table_network(call, preprocessor.d_numbers, _cat_cardinalities(preprocessor), d_out, project)
        case "linear_parameters" | "linear" | "mlp":
            categories = Categories(_cat_cardinalities(preprocessor))
            return ConcatFeatures(categories, _network(params, preprocessor.d_numbers + sum(categories.widths), d_out))
        case "mlp_ple":
            return _mlp_ple(params.mlp_ple, features, preprocessor, d_out)
        case "tabm" | "tabm_small":
            return _tabm(getattr(params, params.name), features, preprocessor, d_out)
        case "ft_transformer":
            from relight.model.networks.tabular import FtTransformer

            return FtTransformer(
                preprocessor.d_numbers, _cat_cardinalities(preprocessor), d_out, **dict(params.ft_transformer)
            )
        case "convolution" | "rnn" | "lstm" | "gru" | Call():
            return _sequence_network(params, features, preprocessor, d_out, project)
        case _:
            raise AssertionError("auto is resolved before; forecasts and towers are built elsewhere")


def _cat_cardinalities(preprocessor: Preprocessor) -> list[int]:
    """The number of codes of each category: its levels, and code 0."""
    return [n_levels + 1 for n_levels in preprocessor.n_levels]


def _network(params: ModelParams, d_in: int, d_out: int) -> nn.Module:
    """A network that reads a flat row."""
    match params.name:
        case "linear_parameters":
            return LinearParameters()
        case "linear":
            return Linear(d_in, d_out)
        case _:
            assert params.mlp is not None
            return Mlp(d_in, d_out, **dict(params.mlp))


def _sequence_network(
    params: ModelParams, features: Features, preprocessor: Preprocessor, d_out: int, project: Path
) -> nn.Module:
    from relight.model.networks.categories import ConcatStepFeatures

    assert features.sequence is not None
    categories = Categories(_cat_cardinalities(preprocessor))
    d_past, length = preprocessor.d_numbers + sum(categories.widths), features.sequence.longest
    network = build_step_network(params, d_past, 0, d_out, length=length, horizon=0, project=project)
    return ConcatStepFeatures(categories, network)


def _mlp_ple(params: MlpPleParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import MlpPle, NumericEmbeddings

    bins = column_bins(features, preprocessor, params.n_bins)
    return MlpPle(
        NumericEmbeddings(preprocessor.d_numbers, bins=bins, d_embedding=params.d_embedding),
        Categories(_cat_cardinalities(preprocessor)),
        d_out,
        n_blocks=params.n_blocks,
        d_block=params.d_block,
        dropout=params.dropout,
        n_bins=params.n_bins,
    )


def _tabm(params: TabmParams, features: Features, preprocessor: Preprocessor, d_out: int) -> nn.Module:
    from relight.model.networks.tabular import NumericEmbeddings, Tabm

    bins = column_bins(features, preprocessor, params.n_bins)
    return Tabm(
        NumericEmbeddings(preprocessor.d_numbers, bins=bins, d_embedding=params.d_embedding),
        Categories(_cat_cardinalities(preprocessor)),
        d_out,
        k=params.k,
        n_blocks=params.n_blocks,
        d_block=params.d_block,
        dropout=params.dropout,
        n_bins=params.n_bins,
    )


def _siamese_model(params: TowerParams, features: Features) -> SiameseModel:
    pairs, kept = features.pairs, columns_to_keep(features, "standardize")
    assert pairs is not None
    columns = [features.numeric[index] for index in kept]
    tower = Tower(
        NumericColumns(kept, [feature.mean for feature in columns], [feature.std for feature in columns]),
        [len(feature.levels) + 1 for feature in features.categorical],
        n_texts=len(pairs.texts),
        n_buckets=pairs.n_buckets,
        d_embedding=params.d_embedding,
    )
    hasher = NgramHasher(n_texts=len(pairs.texts), n_letters=pairs.n_letters, n_buckets=pairs.n_buckets)
    return SiameseModel(hasher, tower)


def untrained_model(
    params: ModelParams, features: Features, *, target_scale: TargetScale, seed: int, seeds: int = 1
) -> nn.Module:
    """Return the model before its first step; the same weights for the same seed.

    The first of several copies is drawn with `seed`, the next with `seed + 1`, and so on: each is the model of a
    training with that seed only.
    """
    torch.manual_seed(seed)
    model = build_model(params, features, target_scale=target_scale, seeds=seeds)
    if isinstance(model, TabularModel) and isinstance(model.network, DeepEnsemble):
        for index in range(1, seeds):
            torch.manual_seed(seed + index)
            other = build_model(params, features, target_scale=target_scale, seeds=2)
            model.network.networks[index] = _first_network(other)
    return model


def _first_network(model: nn.Module) -> nn.Module:
    assert isinstance(model, TabularModel)
    assert isinstance(model.network, DeepEnsemble)
    return model.network.networks[0]
