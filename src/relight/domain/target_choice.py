"""Which scale the network learns a target on: settled before anything runs."""

from typing import Literal

from relight.domain.features import Features
from relight.errors import InputError
from relight.params.model import ModelParams

TargetScale = Literal["none", "standardize", "log"]


def settle_target_scale(params: ModelParams, features: Features) -> TargetScale:
    """`auto` standardizes wherever the columns are scaled, too. Classes have no scale.

    Raises:
        InputError: when the target has no logarithm, or is no number.
    """
    if features.target_statistics is None:
        if params.target not in ("auto", "none"):
            raise InputError(f"model.target: must be auto or none for {features.task}, however: {params.target}")
        return "none"
    if params.target == "auto":
        return "none" if params.numeric == "none" else "standardize"
    if params.target == "log" and features.target_statistics.log_mean is None:
        raise InputError(
            f"model.target: log must have targets above 0, however: some train rows have '{features.target}' at "
            "0 or below; set model.target to standardize"
        )
    return params.target
