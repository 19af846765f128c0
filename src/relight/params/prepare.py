"""The `prepare` section: which table, which target, which task, what its columns are."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section
from relight.params.sequence import SequenceParams

ColumnKind = Literal["numeric", "categorical", "boolean", "datetime", "ignore"]


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
