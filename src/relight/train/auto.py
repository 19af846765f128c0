"""What auto and balanced mean.

How many rows a step looks at.

`model.name: auto`: which family suits a table and a machine. It chooses by size, never by trying.

How much each class counts in the loss.
"""

from typing import Literal

import numpy as np

from relight.data.features import Features
from relight.data.schema import Task
from relight.errors import InputError
from relight.model.params import MlpParams, ModelName, ModelParams, TowerParams
from relight.runtime.messages import did_you_mean
from relight.train.params import TrainParams

# Train rows below → batch size; the table that TabArena and AutoGluon share for TabM and RealMLP
AUTO_BATCH_SIZES = ((2_800, 32), (4_500, 64), (6_400, 128), (32_000, 256), (108_000, 512))
MAX_AUTO_BATCH_SIZE = 1024
FORECAST_MLP_PARAMS = MlpParams(n_blocks=2, d_block=128, dropout=0.1)  # small beside the autoregression
MAX_TABM_CELLS = 20_000_000  # train rows times columns that a CPU passes through tabm_small in minutes
LossName = Literal[
    "l1", "mse", "huber", "bce", "cross_entropy", "nll", "kl_div", "listwise", "margin_ranking", "hinge_embedding"
]
LOSSES_BY_TASK: dict[Task, tuple[LossName, ...]] = {  # the first is what `auto` means
    "regression": ("mse", "l1", "huber"),
    "binary": ("bce",),
    "multiclass": ("cross_entropy", "nll"),
    "distribution": ("kl_div",),
    "forecast": ("l1", "mse", "huber"),
    "ranking": ("listwise", "margin_ranking"),
    "similarity": ("hinge_embedding",),
}
Calibration = Literal["none", "temperature"]


def resolve_batch_size(batch_size: Literal["auto", "full"] | int, n_train: int) -> int:
    """The number of rows that `auto`, `full` or a number means: at most all train rows."""
    match batch_size:
        case "full":
            return n_train
        case "auto":
            return min(
                n_train, next((size for below, size in AUTO_BATCH_SIZES if n_train < below), MAX_AUTO_BATCH_SIZE)
            )
        case _:
            return min(n_train, batch_size)


def auto_model_name(features: Features, device: str) -> ModelName:
    """The ensemble where the machine can pay for it; its embeddings before one network where it cannot."""
    if features.series is not None:
        return "mlp"
    if features.sequence is not None:
        return "convolution"
    if device != "cpu":
        return "tabm"
    return "tabm_small" if features.n_train * len(features.names) <= MAX_TABM_CELLS else "mlp_ple"


def choose_model(params: ModelParams, features: Features, device: str) -> tuple[ModelParams, str]:
    """The params with a name, and a sentence that says why; unchanged and "" where a name was given.

    Args:
        device: its type, as of torch: cuda, mps or cpu.
    """
    if features.task == "similarity" and params.name in ("auto", "tower"):
        tower = params.model_copy(update={"name": "tower", "tower": params.tower or TowerParams()})
        return tower, "" if params.name != "auto" else "auto chose tower: similarity."
    if params.name != "auto":
        return params, ""
    chosen = auto_model_name(features, device)
    if features.series is not None:
        return _with_forecast_section(
            params, chosen
        ), f"auto chose {chosen} for a forecast, beside a linear autoregression."
    if features.sequence is not None:
        return params.model_copy(update={"name": chosen}), f"auto chose {chosen} for sequences."
    why = f"auto chose {chosen} for {features.n_train} train rows and {len(features.names)} columns on {device}."
    return params.model_copy(update={"name": chosen}), why


def _with_forecast_section(params: ModelParams, chosen: ModelName) -> ModelParams:
    """The network of a forecast, with a section where the params have none."""
    return params.model_copy(update={"name": chosen, "mlp": params.mlp or FORECAST_MLP_PARAMS})


def resolve_class_weights(params: TrainParams, features: Features) -> list[float] | None:
    """One weight for each class, in their order; None where all count the same.

    `balanced` is n_train / (n_classes * rows of the class), as in scikit-learn: rare classes count as much as
    frequent ones. A class without train rows counts nothing. A class that a mapping leaves out counts 1.

    Raises:
        InputError: when there are no classes, or the mapping names one that is not there.
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
    """(n_rows,) float32: of each row's class times the row's own; None where all are the same."""
    if class_weights is None:
        return sample
    of_rows = np.array(class_weights, dtype=np.float32)[target.reshape(-1).astype(np.int64)]
    return of_rows if sample is None else of_rows * sample


def resolve_loss(name: str, task: Task) -> LossName:
    """The loss that a name means for a task.

    Raises:
        InputError: when the loss is not for the task.
    """
    suited = LOSSES_BY_TASK[task]
    if name == "auto":
        return suited[0]
    for loss in suited:
        if loss == name:
            return loss
    raise InputError(f"train.loss: must be one of auto, {', '.join(suited)} for {task}, got {name}")


def resolve_calibration(name: str, features: Features) -> Calibration:
    """`auto` is a temperature wherever there are probabilities, and validation rows to fit it on."""
    can = features.task not in ("regression", "forecast", "ranking", "similarity") and not features.validates_on_test
    return "temperature" if name == "temperature" or (name == "auto" and can) else "none"
