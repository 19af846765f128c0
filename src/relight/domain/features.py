"""What the model sees: each feature, and what the train rows alone say about it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from relight.domain.schema import Task


class NumericFeature(BaseModel):
    """A number, or true and false as 1 and 0.

    Attributes:
        mean, std: of the train rows that have a value; std is the population's.
        gaps: how many train rows have no value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["numeric", "boolean"]
    mean: float
    std: float
    gaps: int


class CategoricalFeature(BaseModel):
    """A name out of the levels of the train rows; all others, and gaps, share code 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    levels: list[str]


class Features(BaseModel):
    """Everything that turns a clean table into tensors, and tensors into answers.

    Attributes:
        target_mean, target_std: of the train rows, for a regression; 0 and 1 for classes.
        n_train: how many rows the train part has. Nothing here depends on the test rows.
        test_rows_validate: with `split.validation: 0` the test rows stand in for the validation
            rows in the curves, as in the tutorial.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    task: Task
    target: str
    classes: list[str] | None
    numeric: list[NumericFeature]
    categorical: list[CategoricalFeature]
    target_mean: float
    target_std: float
    n_train: int
    test_rows_validate: bool

    @property
    def names(self) -> list[str]:
        return [*(feature.name for feature in self.numeric), *(feature.name for feature in self.categorical)]
