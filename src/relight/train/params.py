"""The `train` section: how the model is fitted."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.runtime.params import Section

MOST = 2**31 - 1


def _batch_size(value: Any) -> Any:
    if value in ("auto", "full") or (type(value) is int and 1 <= value <= MOST):
        return value
    raise PydanticCustomError("batch_size", "must be auto, full or a whole number from 1 to {most}", {"most": MOST})


def _class_weights(value: Any) -> Any:
    if value in ("none", "balanced"):
        return value
    if isinstance(value, dict) and value and all(_is_weight(weight) for weight in value.values()):
        return {_label(key): float(weight) for key, weight in value.items()}
    raise PydanticCustomError(
        "class_weights",
        "must be none, balanced or a mapping of classes to weights of at least 0, as {yes: 2.0, no: 1.0}",
    )


def _is_weight(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")


def _label(key: Any) -> str:
    """YAML reads the classes 0 and 1 as numbers, true and false as booleans."""
    return str(key).lower() if isinstance(key, bool) else str(key)


class OptimizerParams(Section):
    name: Literal["sgd", "adam", "adamw"] = Field(examples=["sgd"])
    learning_rate: float = Field(gt=0, examples=[0.01])
    weight_decay: float = Field(ge=0, examples=[0.0])
    momentum: float = Field(ge=0, lt=1, examples=[0.0])

    @model_validator(mode="after")
    def momentum_is_for_sgd(self) -> Self:
        if self.name != "sgd" and self.momentum != 0:
            raise PydanticCustomError(
                "momentum",
                f"momentum must be 0 with {self.name} (it is for sgd), however: {self.momentum}",
            )
        return self


class EarlyStoppingParams(Section):
    patience: int = Field(ge=1, le=MOST, examples=[16])


class ScheduleParams(Section):
    """The learning rate over the epochs: `warmup` of them rise from 0, then it stays, or falls as a cosine to 0."""

    name: Literal["constant", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0, le=MOST)


class TrainParams(Section):
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    epochs: int = Field(ge=1, le=MOST, examples=[1000])
    seeds: int = Field(default=1, ge=1, le=64)
    batch_size: Annotated[Literal["auto", "full"] | int, BeforeValidator(_batch_size)] = Field(examples=["full"])
    loss: Literal[
        "auto",
        "l1",
        "mse",
        "huber",
        "bce",
        "cross_entropy",
        "nll",
        "kl_div",
        "listwise",
        "margin_ranking",
        "hinge_embedding",
    ] = Field(examples=["auto"])
    margin: float = Field(default=1.0, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Annotated[Literal["none", "balanced"] | dict[str, float], BeforeValidator(_class_weights)] = "none"
    optimizer: OptimizerParams = Field(examples=["{name: sgd, learning_rate: 0.01, weight_decay: 0.0, momentum: 0.0}"])
    schedule: ScheduleParams = ScheduleParams()
    gradient_clip: float | None = Field(default=None, gt=0)
    early_stopping: EarlyStoppingParams | None = Field(examples=["null"])
    calibration: Literal["auto", "none", "temperature"] = "none"
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(examples=["auto"])
    threads: int = Field(ge=1, le=4096, examples=[1])
    memory_gb: float | None = Field(default=None, ge=0.25, le=MOST)
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    cuda_graph: bool = False
    checkpoint_seconds: float = Field(default=60, gt=0, le=MOST)

    @model_validator(mode="after")
    def one_way_to_be_faster(self) -> Self:
        if self.compile and self.cuda_graph:
            raise PydanticCustomError(
                "cuda_graph", "cuda_graph must be false where compile is true: choose the one that is faster for you"
            )
        return self
