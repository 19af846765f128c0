"""What a model asks of the table: checked before anything runs, and again when it is built."""

from relight.domain.features import Features
from relight.domain.narrow import columns_to_keep
from relight.errors import InputError
from relight.params.model import FORECAST_SECTIONS, SEQUENCE_SECTIONS, ModelParams


def assert_model_reads(params: ModelParams, features: Features) -> None:
    """Two bare parameters are a line through one column, and nothing else; the others need something to learn from.

    Raises:
        InputError: when the model cannot read these features.
    """
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
