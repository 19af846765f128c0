"""The `prepare` section: which table, which target, which task, what its columns are."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section

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
    task: Literal["auto", "regression", "binary", "multiclass", "distribution", "similarity"] = Field(examples=["auto"])
    ignore: list[str] = Field(examples=[[]])
    columns: dict[str, ColumnKind] = Field(default={})
    weight: str | None = None
    pairs: PairsParams = PairsParams()
