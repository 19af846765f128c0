"""The meaning of `auto` for the model, the loss, the batch size and the calibration, and of `balanced` classes.

The model is chosen by the size of the table and the machine, never by trying.
"""

from typing import Literal

import numpy as np

from relight.data.features import Features
from relight.data.schema import Task
from relight.errors import InputError
from relight.model.checks import TargetScale, resolve_target_scale
from relight.model.params import MlpParams, ModelName, ModelParams, TowerParams
from relight.own_code.calls import Call
from relight.runtime.messages import did_you_mean
from relight.runtime.params import Section
from relight.train.params import TrainParams

# Train rows below → batch size; the table that TabArena and AutoGluon share for TabM and RealMLP
AUTO_BATCH_SIZES = ((2_800, 32), (4_500, 64), (6_400, 128), (32_000, 256), (108_000, 512))
MAX_AUTO_BATCH_SIZE = 1024
DEFAULT_SECTIONS: dict[ModelName, Section] = {  # of the networks whose section may be missing
    "mlp": MlpParams(n_blocks=2, d_block=128, dropout=0.1),  # small: in a forecast it adds to the autoregression
    "tower": TowerParams(),
}
MAX_TABM_CELLS = 20_000_000  # train rows times columns: a CPU trains tabm_small on them in minutes
LossName = Literal[
    "l1", "mse", "huber", "quantile", "poisson", "bce", "cross_entropy", "nll", "focal", "kl_div",
    "listwise", "margin_ranking", "hinge_embedding",
]  # fmt: skip
LOSSES_BY_TASK: dict[Task, tuple[LossName, ...]] = {  # the first is what `auto` means
    "regression": ("mse", "l1", "huber", "quantile", "poisson"),
    "binary": ("bce", "focal"),
    "multiclass": ("cross_entropy", "nll", "focal"),
    "distribution": ("kl_div",),
    "forecast": ("l1", "mse", "huber"),
    "ranking": ("listwise", "margin_ranking"),
    "similarity": ("hinge_embedding",),
}
Calibration = Literal["none", "temperature"]


def resolve_batch_size(batch_size: Literal["auto", "full"] | int, n_train: int) -> int:
    """Return the number of rows that `auto`, `full` or a number means: at most all train rows."""
    match batch_size:
        case "full":
            return n_train
        case "auto":
            return min(
                n_train, next((size for below, size in AUTO_BATCH_SIZES if n_train < below), MAX_AUTO_BATCH_SIZE)
            )
        case _:
            return min(n_train, batch_size)


def choose_model(params: ModelParams, features: Features, device: str) -> tuple[ModelParams, str]:
    """Return the params with a name, and a sentence that says why; unchanged and "" if a name was given.

    Args:
        device: its type: cuda, mps or cpu.
    """
    if params.name == "tower":
        return _with_section(params, "tower"), ""
    if params.name != "auto":
        return params, ""
    name, why = auto_model(features, device)
    if features.kind == "series" and params.small_models == "auto":
        params = params.model_copy(update={"small_models": "mix"})
    return _with_section(params, name), f"auto chose {name}{why}."


def auto_model(features: Features, device: str) -> tuple[ModelName, str]:
    """Return the model for a kind of data, and why; for a table the ensemble, if the machine is fast enough for it."""
    match features.kind:
        case "pairs":
            return "tower", ": similarity"
        case "series":
            return "mlp", " for a forecast, next to a linear autoregression and small models"
        case "sequences":
            return "convolution", " for sequences"
        case "table":
            why = f" for {features.n_train} train rows and {len(features.names)} columns on {device}"
            if device != "cpu":
                return "tabm", why
            return ("tabm_small" if features.n_train * len(features.names) <= MAX_TABM_CELLS else "mlp_ple"), why


def _with_section(params: ModelParams, name: ModelName) -> ModelParams:
    """Return the params with this name, and with the section of that name if they have none."""
    missing: dict[str, Section] = {name: DEFAULT_SECTIONS[name]} if getattr(params, name) is None else {}
    return params.model_copy(update={"name": name, **missing})


def resolve_class_weights(params: TrainParams, features: Features) -> list[float] | None:
    """Return one weight for each class, in their order; None if all count the same.

    `balanced` is n_train / (n_classes * rows of the class), as in scikit-learn: rare classes count as much as
    frequent ones. A class without train rows counts nothing. A class that a mapping leaves out counts 1.

    Raises:
        InputError: if there are no classes, or the mapping names an unknown one.
    """
    if params.class_weights == "none":
        return None
    if features.class_counts is None or features.classes is None:
        raise InputError(
            f"train.class_weights: must be none for {features.task}, got {params.class_weights}; "
            "weigh rows with prepare.weight"
        )
    if params.class_weights == "balanced":
        seen = [count for count in features.class_counts if count]
        return [features.n_train / (len(seen) * count) if count else 0.0 for count in features.class_counts]
    unknown = [label for label in params.class_weights if label not in features.classes]
    if unknown:
        raise InputError(
            *(
                f"train.class_weights: '{label}' is no class of '{features.target}'"
                f"{did_you_mean(label, features.classes, what='its classes')}"
                for label in unknown
            )
        )
    return [params.class_weights.get(label, 1.0) for label in features.classes]


def loss_weights(class_weights: list[float] | None, target: np.ndarray, sample: np.ndarray | None) -> np.ndarray | None:
    """Return (n_rows,) float32: the weight of each row's class times the row's own; None if all are the same."""
    if class_weights is None:
        return sample
    weights = np.array(class_weights, dtype=np.float32)[target.reshape(-1).astype(np.int64)]
    return weights if sample is None else weights * sample


def resolve_loss(name: str | Call, task: Task) -> LossName | Call:
    """Return the loss that a name means for a task; a call of the user's own code is for every task.

    Raises:
        InputError: if the loss is not for the task.
    """
    losses = LOSSES_BY_TASK[task]
    if isinstance(name, Call):
        return name
    if name == "auto":
        return losses[0]
    for loss in losses:
        if loss == name:
            return loss
    raise InputError(f"train.loss: must be one of auto, {', '.join(losses)} for {task}, got {name}")


def resolve_scale(model: ModelParams, params: TrainParams, features: Features) -> TargetScale:
    """Return the scale on which the network learns the target; the loss poisson has one of its own.

    Raises:
        InputError: if the target has no logarithm, is no number, or a rate is to be learned on another scale.
    """
    if params.loss != "poisson" or features.target_statistics is None:
        return resolve_target_scale(model, features)
    if model.target != "auto":
        raise InputError(
            f"model.target: must be auto with train.loss poisson, which learns the logarithm of a rate, "
            f"got {model.target}"
        )
    return "log_rate"


def resolve_calibration(name: str, features: Features) -> Calibration:
    """Return what a name means; `auto` is a temperature if there are probabilities, and validation rows."""
    can = features.task not in ("regression", "forecast", "ranking", "similarity") and not features.validates_on_test
    return "temperature" if name == "temperature" or (name == "auto" and can) else "none"
