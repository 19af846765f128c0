"""Prepare section and generated line.

A `.yaml` source: points on a known line, y = weight * x + bias, with or without noise.

The `prepare` section: which table, which target, which task, what its columns are.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.data.schema import SequenceParams
from relight.runtime.params import Section

MOST_POINTS = 10_000_000
LARGEST = 1e37  # float32 ends at 3.4e38
ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "ignore"]


class LineParams(Section):
    kind: Literal["line"] = Field(examples=["line"])
    weight: float = Field(examples=[0.7])
    bias: float = Field(examples=[0.3])
    start: float = Field(examples=[0.0])
    stop: float = Field(examples=[1.0])
    step: float = Field(gt=0, examples=[0.02])
    noise: float = Field(ge=0, examples=[0.0])
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])

    @model_validator(mode="after")
    def has_points(self) -> Self:
        points = (self.stop - self.start) / self.step
        if not 1 <= points <= MOST_POINTS:
            raise PydanticCustomError(
                "points",
                f"(stop - start) / step must give 1 to {MOST_POINTS} points, however: {points:.6g}",
            )
        return self

    @model_validator(mode="after")
    def fits_float32(self) -> Self:
        farthest = max(abs(self.start), abs(self.stop), 1)
        largest = farthest * max(abs(self.weight), 1) + abs(self.bias) + 10 * self.noise
        if not largest <= LARGEST:
            raise PydanticCustomError(
                "points", f"x and y must stay below {LARGEST:g} (float32), however: they reach {largest:.3g}"
            )
        return self


class PairsParams(Section):
    """What the names of the columns of either side of a pair begin with."""

    left: str = Field(default="left_", min_length=1)
    right: str = Field(default="right_", min_length=1)

    @model_validator(mode="after")
    def sides_differ(self) -> Self:
        if self.left.startswith(self.right) or self.right.startswith(self.left):
            raise PydanticCustomError(
                "own_section",
                f"left and right must be prefixes that tell the sides apart, however: '{self.left}', '{self.right}'",
            )
        return self


def _target(value: Any) -> Any:
    """One column, or for a label distribution several of them."""
    several = isinstance(value, list) and len(value) > 1 and all(isinstance(name, str) and name for name in value)
    if several and len(set(value)) == len(value):
        return value
    if isinstance(value, str) and value:
        return value
    raise PydanticCustomError("target", "must be the name of a column, or a list of two or more different ones")


class PrepareParams(Section):
    source: str = Field(min_length=1, examples=["data/raw/line.yaml"])
    target: Annotated[str | list[str], BeforeValidator(_target)] = Field(examples=["y"])
    task: Literal["auto", "regression", "binary", "multiclass", "distribution", "forecast", "ranking", "similarity"] = (
        Field(examples=["auto"])
    )
    ignore: list[str] = Field(examples=[[]])
    columns: dict[str, ColumnKind] = Field(default={})
    weight: str | None = None
    sequence: SequenceParams | None = None
    query: str | None = None
    pairs: PairsParams = PairsParams()

    @model_validator(mode="after")
    def a_forecast_has_a_time(self) -> Self:
        foretells = self.sequence is not None and self.sequence.is_forecast
        if self.task == "forecast" and not foretells:
            raise PydanticCustomError(
                "sequence", "sequence must name the time of a forecast, as {time: date, horizon: 24}, and no id"
            )
        if foretells and self.task != "forecast":
            raise PydanticCustomError(
                "sequence", "sequence must have an id, as {id: sequence, time: step}; or set task to forecast"
            )
        if foretells and not isinstance(self.target, str):
            raise PydanticCustomError("sequence", "target must be one column with task: forecast")
        return self

    @model_validator(mode="after")
    def query_fits_task(self) -> Self:
        if self.task != "ranking" and self.query is not None:
            raise PydanticCustomError(
                "column", f"query must be null with task: {self.task} (it is for ranking), however: '{self.query}'"
            )
        if self.task == "ranking" and not self.query:
            raise PydanticCustomError(
                "column", "query must name the column that says which query a row is a candidate of, with task: ranking"
            )
        if self.task == "ranking" and self.weight is not None:
            raise PydanticCustomError(
                "column", f"weight must be null with task: ranking (queries count the same), however: '{self.weight}'"
            )
        return self
