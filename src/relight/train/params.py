"""The `train` section."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from relight.own_code.calls import CALL_TAG, NAME_TAG, Call, OrCall, OrCallOf, form_of
from relight.runtime.params import Section
from relight.train.optim.params import OptimizerCall, OptimizerParams, ScheduleParams

MAX_INT32 = 2**31 - 1


def _check_batch_size(value: Any) -> Any:
    if value in ("auto", "full") or (type(value) is int and 1 <= value <= MAX_INT32):
        return value
    raise PydanticCustomError(
        "batch_size", "must be auto, full or a whole number from 1 to {most}", {"most": MAX_INT32}
    )


def _check_class_weights(value: Any) -> Any:
    if value in ("none", "balanced"):
        return value
    if isinstance(value, dict) and value and all(_is_weight(weight) for weight in value.values()):
        return {_class_label(key): float(weight) for key, weight in value.items()}
    raise PydanticCustomError(
        "class_weights",
        "must be none, balanced or a mapping of classes to weights of at least 0, as {yes: 2.0, no: 1.0}",
    )


def _is_weight(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < float("inf")


def _class_label(key: Any) -> str:
    """YAML reads the classes 0 and 1 as numbers, true and false as booleans."""
    return str(key).lower() if isinstance(key, bool) else str(key)


MetricName = Literal[
    "rmse", "mae", "r2",
    "log_loss", "accuracy", "balanced_accuracy", "auc", "average_precision",
    "kl_divergence", "top_1",
    "ndcg@5", "ndcg@10", "map", "pairwise_accuracy",
]  # fmt: skip


MonitorName = Literal["score", "loss", MetricName]


def _check_better(value: Any) -> Any:
    if value in ("higher", "lower") or (type(value) in (int, float) and math.isfinite(value)):
        return value
    raise PydanticCustomError("better", "must be higher, lower, or a number to be near")


class MonitorCall(Call):
    """A metric of the user's own, and which way it is better; the setting `name` is another name for the score."""

    better: Annotated[Literal["higher", "lower"] | float, BeforeValidator(_check_better)] = Field(examples=["higher"])

    @model_validator(mode="after")
    def name_is_a_text(self) -> Self:
        name = super().settings.get("name")
        if name is not None and not (isinstance(name, str) and name):
            raise PydanticCustomError("own_section", f"name must be a text, got {name!r}")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of the metric."""
        return {key: value for key, value in super().settings.items() if key != "name"}

    @property
    def score_name(self) -> str:
        """The name of the score: that of the function, if no other one is given."""
        return super().settings.get("name") or self.name


Monitored = Annotated[
    Annotated[MonitorName, Tag(NAME_TAG)] | Annotated[MonitorCall, Tag(CALL_TAG)],
    Discriminator(form_of),
]


class EarlyStoppingParams(Section):
    """The rule that ends training early, and keeps the epoch with the best validation score."""

    patience: int = Field(ge=1, le=MAX_INT32, examples=[16])
    """Number of epochs without a better validation score after which training ends."""
    monitor: Monitored = Field(default="score", exclude_if=lambda name: name == "score")
    """The validation score: score is RMSE in the target's unit (MAE with l1), log loss for classes, 1 - NDCG@10 for
    rankings, 1 - AUC for pairs, and the loss if that has no such score (quantile, poisson, focal, a loss of your own);
    loss is the loss; a metric must be one of the task: regression rmse, mae, r2; binary, multiclass log_loss, accuracy,
    balanced_accuracy, auc, average_precision; distribution kl_divergence, mae, top_1; forecast mae, rmse; ranking
    ndcg@10, ndcg@5, map, pairwise_accuracy; similarity auc, average_precision; or `{call: "module:function", better:
    higher | lower | a number}` with its settings: a metric of your own."""


class TrainParams(Section):
    """The settings of training."""

    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    """Seed of the weights, the order of the rows and dropout."""
    epochs: int = Field(ge=1, le=MAX_INT32, examples=[1000])
    """Number of passes over the train rows, at most."""
    seeds: int = Field(default=1, ge=1, le=64)
    """Number of networks trained side by side from different seeds; their predictions are averaged."""
    batch_size: Annotated[
        Literal["auto", "full"] | Annotated[int, Field(ge=1, le=MAX_INT32)], BeforeValidator(_check_batch_size)
    ] = Field(examples=["full"])
    """Rows of a step; full: all train rows; auto: 32 below 2,800 train rows, in steps up to 1024 from 108,000."""
    loss: OrCall[
        Literal[
            "auto",
            "l1",
            "mse",
            "huber",
            "quantile",
            "poisson",
            "bce",
            "cross_entropy",
            "nll",
            "focal",
            "kl_div",
            "listwise",
            "margin_ranking",
            "hinge_embedding",
        ]
    ] = Field(examples=["auto"])
    """What training minimises; auto is the first of its task: regression mse, l1, huber, quantile, poisson; binary bce,
    focal; multiclass cross_entropy, nll, focal; distribution kl_div; forecast l1, mse, huber; ranking listwise,
    margin_ranking; similarity hinge_embedding; or `{call: "module:function"}` with its settings: a loss of your own."""
    quantile: float | None = Field(default=None, gt=0, lt=1, exclude_if=lambda value: value is None)
    """The share of the targets that lies below a prediction; required by the loss quantile, and only for it."""
    focal_gamma: float | None = Field(default=None, ge=0, exclude_if=lambda value: value is None)
    """How little rows count that are predicted well, for the loss focal only; 0: all the same; null: 2."""
    margin: float = Field(default=1.0, gt=0)
    """Distance beyond which unlike pairs cost nothing (hinge_embedding)."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of each label that is spread over all classes."""
    class_weights: Annotated[Literal["none", "balanced"] | dict[str, float], BeforeValidator(_check_class_weights)] = (
        "none"
    )
    """How much each class counts in the loss; balanced: rare classes as much as frequent ones; a class that a mapping
    leaves out counts 1."""
    optimizer: OrCallOf[OptimizerParams, OptimizerCall] = Field(
        examples=["{name: sgd, learning_rate: 0.01, weight_decay: 0.0, momentum: 0.0}"]
    )
    """The settings of the steps that change the weights; or `{call: "torch.optim:RMSprop", learning_rate: 0.001}` with
    its settings: an optimizer class of PyTorch, or one of your own derived from it."""
    schedule: OrCall[ScheduleParams] = ScheduleParams()
    """The learning rate over the training; or `{call: "module:function"}` with its settings: a function of your own,
    `(step, n_steps) → factor` of the rate."""
    gradient_clip: float | None = Field(default=None, gt=0)
    """The largest norm of a gradient; larger ones are scaled down to it."""
    early_stopping: EarlyStoppingParams | None = Field(examples=["null"])
    """When training ends early; null: after all epochs, and the last weights are kept."""
    calibration: Literal["auto", "none", "temperature"] = "none"
    """How probabilities are calibrated on the validation rows; auto: by a temperature if the task has probabilities and
    there are validation rows."""
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(examples=["auto"])
    """Where the model is trained; auto: cuda, then mps, then cpu."""
    threads: int = Field(ge=1, le=4096, examples=[1])
    """Number of CPU threads of a process; another number may change the last digits."""
    memory_gb: float | None = Field(default=None, ge=0.25, le=MAX_INT32)
    """Memory for the rows of a part, in GB; a larger part stays in its file, with the same result; null: no limit."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the matrix products of a step; bf16 is for GPUs, and slow on most CPUs."""
    compile: bool = False
    """Whether torch.compile fuses the kernels of the model, half a minute before the first step."""
    cuda_graph: bool = False
    """Whether a step is recorded as one CUDA graph, for small models on a GPU; not together with `compile`."""
    checkpoint_seconds: float = Field(default=60, gt=0, le=MAX_INT32)
    """Seconds between two crash checkpoints."""

    @model_validator(mode="after")
    def settings_are_of_the_loss(self) -> Self:
        if self.loss == "quantile" and self.quantile is None:
            raise PydanticCustomError("own_section", "quantile is missing; add for example `quantile: 0.9`")
        for name, loss in (("quantile", "quantile"), ("focal_gamma", "focal")):
            value = getattr(self, name)
            if value is not None and self.loss != loss:
                raise PydanticCustomError(
                    "own_section", f"{name} must be null with {self.loss} (it is for {loss}), got {value:g}"
                )
        return self

    @model_validator(mode="after")
    def one_way_to_be_faster(self) -> Self:
        if self.compile and self.cuda_graph:
            raise PydanticCustomError(
                "cuda_graph", "cuda_graph must be false if compile is true: choose the faster of the two"
            )
        return self

    @model_validator(mode="after")
    def recorded_steps_have_one_rate(self) -> Self:
        """The rate is a constant in a recording, and the classes of torch.optim compute on the CPU in their steps."""
        if not self.cuda_graph:
            return self
        if isinstance(self.optimizer, Call):
            raise PydanticCustomError(
                "cuda_graph",
                f"cuda_graph must be false with {self.optimizer}; only sgd, adam and adamw are recorded",
            )
        if isinstance(self.schedule, Call) or self.schedule.name == "one_cycle":
            name = self.schedule if isinstance(self.schedule, Call) else self.schedule.name
            raise PydanticCustomError(
                "cuda_graph", f"cuda_graph must be false with {name}, which changes the learning rate in each step"
            )
        return self
