"""The requirements of a model on the data: checked before anything runs, and again when it is built.

Near-constant columns are dropped, because standardising them would divide by almost zero.
"""

from typing import Literal

import numpy as np

from relight.data.features import Features, NumericFeature
from relight.errors import InputError
from relight.model.params import FORECAST_SECTIONS, SEQUENCE_SECTIONS, ModelParams
from relight.own_code.calls import Call

MIN_RANGE = 1e-6  # of the transformed train rows; a column of width 1e-8 once gave predictions of 3e5
TargetScale = Literal["none", "standardize", "log", "log_rate"]  # log_rate: of the loss poisson


def columns_to_keep(features: Features, numeric: str) -> list[int]:
    """Return the indices of the numeric features whose train rows differ, after the transform `model.numeric`."""
    return [index for index, feature in enumerate(features.numeric) if _train_range(feature, numeric) >= MIN_RANGE]


def _train_range(feature: NumericFeature, numeric: str) -> float:
    low, high = float(np.float32(feature.low)), float(np.float32(feature.high))
    if low == high or high - low < MIN_RANGE * max(abs(low), abs(high)):  # a few steps of float32: rounding, not data
        return 0.0
    match numeric:
        case "none":
            return high - low
        case "standardize":
            return (high - low) / feature.std if feature.std > 0 else 0.0
        case _:  # quantile_normal: two different values never share a quantile
            return 1.0


def assert_tower_reads(params: ModelParams, features: Features) -> None:
    """Check that the numbers of pairs are standardized, and that some column differs.

    Raises:
        InputError: if not.
    """
    if params.numeric != "standardize":
        raise InputError(f"model.numeric: must be standardize for similarity, got {params.numeric}")
    texts = features.pairs.texts if features.pairs else []
    if not (texts or columns_to_keep(features, params.numeric) or any(len(f.levels) > 1 for f in features.categorical)):
        raise InputError(
            "prepare.source: some column must differ among the train rows, got the same value in every column on "
            f"both sides: {', '.join(features.names[:20])}; bring columns that differ"
        )


def assert_model_reads(params: ModelParams, features: Features) -> None:
    """Check that the model suits the task and the columns, and that some column differs.

    Raises:
        InputError: if the model cannot read these features.
    """
    is_tower = params.name == "tower" or (params.name == "auto" and features.task == "similarity")
    if is_tower != (features.task == "similarity"):
        raise InputError(
            f"model.name: must be tower for similarity and only then, got {params.name} for {features.task}; "
            "auto chooses what suits the task"
        )
    match features.kind:
        case "pairs":
            assert_tower_reads(params, features)
        case "series":
            assert_forecasts(params)
        case "sequences":
            assert_reads_sequences(params)
            assert_columns_differ(params, features)
        case "table":
            assert_reads_rows(params, features)
            assert_columns_differ(params, features)


def assert_reads_rows(params: ModelParams, features: Features) -> None:
    """Check that the model reads single rows, and that a line has its one column.

    Raises:
        InputError: if not.
    """
    if params.name in FORECAST_SECTIONS:
        raise InputError(
            f"model.name: must be a model of single rows, got {params.name}, which reads sequences; "
            "set model.name to auto, or say in prepare.sequence how the rows form sequences"
        )
    plain = not features.categorical and not any(feature.gaps for feature in features.numeric)
    is_line = features.task == "regression" and len(features.numeric) == 1 and plain
    if params.name == "linear_parameters" and not is_line:
        raise InputError(
            "model.name: linear_parameters must have one numeric column without gaps, and a regression, "
            f"got {len(features.names)} columns, {features.task}; set model.name to linear"
        )


def assert_columns_differ(params: ModelParams, features: Features) -> None:
    """Check that some column differs among the train rows.

    Raises:
        InputError: if none does.
    """
    has_gaps = any(0 < feature.gaps < features.n_described for feature in features.numeric)
    if not (features.categorical or has_gaps or columns_to_keep(features, params.numeric)):
        raise InputError(
            "prepare.source: some column must differ among the train rows, got the same value in every column that "
            f"the model may see: {', '.join(features.names[:20])}; bring columns that differ"
        )


def assert_forecasts(params: ModelParams) -> None:
    """Check that the model forecasts.

    Raises:
        InputError: if not.
    """
    names = ("auto", "mlp", *FORECAST_SECTIONS)
    if params.name not in names and not isinstance(params.name, Call):
        raise InputError(f"model.name: must be one of {', '.join(names)} for a forecast, got {params.name}")


def assert_reads_sequences(params: ModelParams) -> None:
    """Check that the model reads sequences.

    Raises:
        InputError: if not.
    """
    names = ("auto", *SEQUENCE_SECTIONS)
    if params.name not in names and not isinstance(params.name, Call):
        raise InputError(f"model.name: must be one of {', '.join(names)} for sequences, got {params.name}")


def resolve_target_scale(params: ModelParams, features: Features) -> TargetScale:
    """Return the scale on which the network learns the target; `auto` standardizes if the columns are scaled, too.

    Raises:
        InputError: if the target has no logarithm, or is no number.
    """
    if features.target_statistics is None:
        if params.target not in ("auto", "none"):
            raise InputError(f"model.target: must be auto or none for {features.task}, got {params.target}")
        return "none"
    if params.target == "auto":
        return "none" if params.numeric == "none" else "standardize"
    if params.target == "log" and features.target_statistics.log_mean is None:
        raise InputError(
            f"model.target: log must have targets above 0, got some train rows have '{features.target}' at "
            "0 or below; set model.target to standardize"
        )
    return params.target
