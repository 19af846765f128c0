"""What a model asks of the table: checked before anything runs, and again when it is built."""

from relight.domain.features import Features
from relight.domain.narrow import columns_to_keep
from relight.errors import InputError
from relight.params.model import FORECAST_SECTIONS, SEQUENCE_SECTIONS, ModelParams


def assert_tower_reads(params: ModelParams, features: Features, texts: list[str]) -> None:
    """
    Raises:
        InputError: when the numbers are not on a scale of their own, or nothing differs.
    """
    if params.numeric != "standardize":
        raise InputError(f"model.numeric: must be standardize for similarity, however: {params.numeric}")
    if not (texts or columns_to_keep(features, params.numeric) or any(len(f.levels) > 1 for f in features.categorical)):
        raise InputError(
            "prepare.source: the train rows have the same value in every column on both sides, "
            f"however: it must learn from {', '.join(features.names[:20])}; bring columns that differ"
        )


def assert_model_reads(params: ModelParams, features: Features) -> None:
    """Two bare parameters are a line through one column, and nothing else; the others need something to learn from.

    Raises:
        InputError: when the model cannot read these features.
    """
    if (features.task == "similarity") != (params.name == "tower") and (features.task, params.name) != (
        "similarity",
        "auto",
    ):
        raise InputError(
            f"model.name: must be tower for similarity, and is for nothing else, however: {params.name} for "
            f"{features.task}; auto chooses what suits the task"
        )
    if features.pairs is not None:
        assert_tower_reads(params, features, features.pairs.texts)
        return
    _assert_kind(params, features)
    if features.series is not None:
        return
    plain = not features.categorical and not any(feature.gaps for feature in features.numeric)
    is_line = features.task == "regression" and len(features.numeric) == 1 and plain
    if params.name == "linear_parameters" and not is_line:
        raise InputError(
            "model.name: linear_parameters must have one numeric column without gaps, and a regression, "
            f"however: {len(features.names)} columns, {features.task}; set model.name to linear"
        )
    has_gaps = any(0 < feature.gaps < features.n_described for feature in features.numeric)
    if not (features.categorical or has_gaps or columns_to_keep(features, params.numeric)):
        raise InputError(
            "prepare.source: the train rows have the same value in every column that the model may see, "
            f"however: it must learn from {', '.join(features.names[:20])}; bring columns that differ"
        )


def _assert_kind(params: ModelParams, features: Features) -> None:
    """Some models read a row, others a sequence of them."""
    if features.series is not None:
        if params.name not in ("auto", "mlp", *FORECAST_SECTIONS):
            suited = ", ".join(("auto", "mlp", *FORECAST_SECTIONS))
            raise InputError(f"model.name: must be one of {suited} for a forecast, however: {params.name}")
        return
    if params.name == "auto" or (params.name in FORECAST_SECTIONS) == (features.sequence is not None):
        return
    if features.sequence is not None:
        suited = ", ".join(SEQUENCE_SECTIONS)
        raise InputError(f"model.name: must be one of auto, {suited} for sequences, however: {params.name}")
    raise InputError(
        f"model.name: {params.name} is for sequences, however: each row stands for itself; set model.name to auto, "
        "or say in prepare.sequence how the rows make sequences"
    )
