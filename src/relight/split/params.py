"""The `split` section."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.runtime.params import Name, Section

METHODS_WITH_COLUMN = ("group", "time", "column")

METHODS_WITHOUT_FOLDS = ("time", "column")


class SplitParams(Section):
    """The settings of the division of rows into train, validation and test."""

    method: Literal["auto", "ordered", "random", "stratified", "group", "time", "column"] = Field(examples=["random"])
    """How rows are assigned to parts; auto: by the column named `split` if there is one, else stratified for classes
    and pairs (random if one of them has too few rows), group for rankings, random for numbers."""
    column: Name | None = Field(examples=["null"])
    """The column that groups the rows, orders them, or names each row's part (train, validation or val or valid, test;
    or 0 and 1 in one that is called `is_test` or `is_train`); required by group, time and column, null otherwise."""
    train: float = Field(gt=0, lt=1, examples=[0.8])
    """Share of the train rows; the three shares sum to 1."""
    validation: float = Field(ge=0, lt=1, examples=[0.0])
    """Share of the validation rows, which choose the best epoch, thresholds and temperatures. If a column names only
    train and test rows, the share validation / (train + validation) of its train rows."""
    test: float = Field(gt=0, lt=1, examples=[0.2])
    """Share of the test rows, which are scored once, at the end."""
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    """Seed of the random assignment."""
    gap: int = Field(default=0, ge=0)
    """Number of rows left out between the parts, so that no part touches the next; only for time."""
    folds: int | None = Field(default=None, ge=2)
    """Number of equal folds that replace the shares: the test part is fold `fold`, the validation part (if its share is
    above 0) the next one, and the rest trains; not for time and column."""
    fold: int = Field(default=0, ge=0)
    """The fold that tests, counted from 0."""

    @model_validator(mode="after")
    def fractions_sum_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise PydanticCustomError("fractions", f"train + validation + test must be 1, got {total:.12g}")
        return self

    @model_validator(mode="after")
    def column_fits_method(self) -> Self:
        if self.method in METHODS_WITH_COLUMN and self.column is None:
            raise PydanticCustomError("column", f"column must name a column of the table with method: {self.method}")
        if self.method not in METHODS_WITH_COLUMN and self.column is not None:
            raise PydanticCustomError(
                "column",
                f"column must be null with method: {self.method}, got '{self.column}' "
                f"(it is for {', '.join(METHODS_WITH_COLUMN)})",
            )
        return self

    @model_validator(mode="after")
    def gap_is_for_time(self) -> Self:
        if self.gap and self.method != "time":
            raise PydanticCustomError(
                "column", f"gap must be 0 with method: {self.method} (it is for time), got {self.gap}"
            )
        return self

    @model_validator(mode="after")
    def folds_fit_method(self) -> Self:
        if self.folds is None:
            return self
        if self.method in METHODS_WITHOUT_FOLDS:
            raise PydanticCustomError(
                "column",
                f"folds must be null with method: {self.method}, got {self.folds} "
                "(they are for ordered, random, stratified, group)",
            )
        if self.validation > 0 and self.folds < 3:
            raise PydanticCustomError(
                "column", f"folds must be >= 3 with validation above 0, got {self.folds}; or set validation: 0.0"
            )
        return self

    @model_validator(mode="after")
    def fold_is_one_of_folds(self) -> Self:
        if self.folds is None and self.fold:
            raise PydanticCustomError("column", f"fold must be 0 without folds, got {self.fold}")
        if self.folds is not None and self.fold >= self.folds:
            raise PydanticCustomError(
                "column", f"fold must be from 0 to {self.folds - 1} with folds: {self.folds}, got {self.fold}"
            )
        return self
