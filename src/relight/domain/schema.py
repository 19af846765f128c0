"""What prepare found out about a table: its columns, its target, its task."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from relight.domain.frequency import Frequency
from relight.params.sequence import SequenceParams

Task = Literal["regression", "binary", "multiclass", "distribution", "forecast", "ranking", "similarity"]
Part = Literal["train", "validation", "test"]
Kind = Literal["numeric", "boolean", "categorical", "datetime", "ignored"]


class Column(BaseModel):
    """A column that is neither target nor weight."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind


STEP = "step"  # the column of the clean rows of series that counts the steps of time


class SeriesSchema(BaseModel):
    """What is to be foretold, as `params.sequence` names it, every `auto` replaced."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    series: str | None
    length: int
    horizon: int
    step: int
    season: int
    fill: Literal["forward", "interpolate", "error"]
    known: list[str]
    frequency: Frequency


class PairColumn(BaseModel):
    """What stands on both sides of a pair.

    Attributes:
        name: without the prefix of a side.
        is_text: whether it is compared by its letters: names of many kinds, and whole numbers beside being numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["numeric", "boolean", "categorical", "datetime"]
    is_text: bool


class PairColumns(BaseModel):
    """The two sides of a table of pairs.

    Attributes:
        left, right: the prefixes of the columns of either side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: str
    right: str
    columns: list[PairColumn]


class Schema(BaseModel):
    """The table in one page.

    Attributes:
        target: the name of the target; for a distribution its columns, joined by commas.
        targets: the columns of the target: one, or for a distribution one for each class.
        weight: the column of sample weights, if there is one.
        query: the column that says which query a row is a candidate of, for a ranking.
        classes: the labels in their order, from the whole table; None for regression.
        generated: the true parameters, where the data was made on a known line.
        notes: what a person should know, in whole sentences.
        series: of a forecast alone.
        sequence: how the rows make sequences; None where each stands for itself.
        pairs: what stands on both sides, for similarity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    rows: int
    target: str
    targets: list[str]
    weight: str | None
    query: str | None = Field(default=None, exclude_if=lambda name: name is None)
    task: Task
    classes: list[str] | None
    columns: list[Column]
    generated: dict[str, float] | None
    notes: list[str]
    series: SeriesSchema | None = Field(default=None, exclude_if=lambda value: value is None)
    sequence: SequenceParams | None = Field(default=None, exclude_if=lambda value: value is None)
    pairs: PairColumns | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def features(self) -> list[Column]:
        """The columns that the model may see."""
        return [column for column in self.columns if column.kind != "ignored"]
