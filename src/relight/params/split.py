"""The `split` section: how rows are shared out between train, validation and test."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section

WITH_COLUMN = ("group", "time", "column")


class SplitParams(Section):
    method: Literal["ordered", "random", "stratified", "group", "time", "column"] = Field(examples=["random"])
    column: str | None = Field(examples=["null"])
    train: float = Field(gt=0, lt=1, examples=[0.8])
    validation: float = Field(ge=0, lt=1, examples=[0.0])
    test: float = Field(gt=0, lt=1, examples=[0.2])
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    gap: int = Field(default=0, ge=0)
    folds: int | None = Field(default=None, ge=2)
    fold: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def fractions_sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise PydanticCustomError(
                "fractions", f"train + validation + test must be 1, however: the sum is {total:.12g}"
            )
        return self

    @model_validator(mode="after")
    def column_fits_method(self) -> Self:
        if self.method in WITH_COLUMN and self.column is None:
            raise PydanticCustomError("column", f"column must name a column of the table with method: {self.method}")
        if self.method not in WITH_COLUMN and self.column is not None:
            raise PydanticCustomError(
                "column",
                f"column must be null with method: {self.method}, however: '{self.column}' "
                f"(it is for {', '.join(WITH_COLUMN)})",
            )
        return self
