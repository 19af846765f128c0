"""`train.optimizer` and `train.schedule`."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from relight.own_code.calls import Call
from relight.runtime.params import Section

MAX_INT32 = 2**31 - 1


class OptimizerParams(Section):
    """The settings of the steps that change the weights."""

    name: Literal["sgd", "adam", "adamw"] = Field(examples=["sgd"])
    """The update rule."""
    learning_rate: float = Field(gt=0, examples=[0.01])
    """Step size, before the schedule."""
    weight_decay: float = Field(ge=0, examples=[0.0])
    """L2 penalty (sgd, adam) or decoupled weight decay (adamw)."""
    momentum: float = Field(ge=0, lt=1, examples=[0.0])
    """Share of the last update that is kept; only for sgd, 0 otherwise."""

    @model_validator(mode="after")
    def momentum_is_for_sgd(self) -> Self:
        if self.name != "sgd" and self.momentum != 0:
            raise PydanticCustomError(
                "momentum",
                f"momentum must be 0 with {self.name} (it is for sgd), got {self.momentum}",
            )
        return self


class OptimizerCall(Call):
    """An optimizer class of PyTorch, or of the user's own derived from it; the other settings are keyword arguments.

    Attributes:
        learning_rate: PyTorch's `lr`: the step size, before the schedule.
    """

    learning_rate: float = Field(gt=0, examples=[0.001])

    @model_validator(mode="before")
    @classmethod
    def lr_is_written_in_full(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and "lr" in value:
            raise PydanticCustomError("own_section", "lr must be written learning_rate; rename it")
        return value


SCHEDULE_SETTINGS = {  # what each schedule reads
    "constant": ("warmup",),
    "cosine": ("warmup",),
    "one_cycle": ("pct_start", "div_factor", "final_div_factor"),
    "step": ("step_size", "gamma"),
}


class ScheduleParams(Section):
    """The learning rate over the training."""

    name: Literal["constant", "cosine", "one_cycle", "step"] = "constant"
    """By epoch: constant stays at the rate; cosine falls to 0 as half a cosine. By optimizer step: one_cycle rises to
    the rate and falls to almost 0 (PyTorch's OneCycleLR); step falls at regular steps (StepLR)."""
    warmup: int = Field(default=0, ge=0, le=MAX_INT32)
    """Number of first epochs that rise to the rate in even steps (constant, cosine)."""
    pct_start: float = Field(default=0.3, ge=0, le=1)
    """Share of all steps that rise (one_cycle)."""
    div_factor: float = Field(default=25.0, ge=1)
    """How many times lower than the rate the first step is (one_cycle)."""
    final_div_factor: float = Field(default=1e4, ge=1)
    """How many times lower than the first step the last one is (one_cycle)."""
    step_size: int | None = Field(default=None, ge=1, le=MAX_INT32)
    """Number of optimizer steps, not of epochs, until the rate falls again (step); required there."""
    gamma: float = Field(default=0.1, gt=0, le=1)
    """Factor of each fall (step)."""

    @model_validator(mode="after")
    def settings_are_those_of_the_schedule(self) -> Self:
        used = ("name", *SCHEDULE_SETTINGS[self.name])
        unused = sorted(key for key in self.model_fields_set if key not in used and (key != "warmup" or self.warmup))
        if unused:
            text = f"{', '.join(unused)} must be left out with {self.name}, which reads {', '.join(used[1:])}"
            raise PydanticCustomError("own_section", text)
        if self.name == "step" and self.step_size is None:
            raise PydanticCustomError("own_section", "step_size is missing; add for example `step_size: 1000`")
        return self

    @model_serializer(mode="wrap")
    def without_unused_settings(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the settings of other schedules."""
        written: dict[str, Any] = write(self)
        return {key: written[key] for key in ("name", *SCHEDULE_SETTINGS[self.name])}
