"""features.json: what a model sees of a table: each feature, and what only the train rows tell about it."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from relight.data.schema import GAP_LEVEL, ColumnKind, SequenceParams, SourceReader, Task
from relight.data.series_features import SeriesFeatures, Single
from relight.data.text_format import TextFormat

DatePart = Literal["year", "month", "weekday", "hour", "elapsed"]
Kind = Literal["table", "sequences", "series", "pairs"]
Count = Annotated[int, Field(ge=0, le=2**53)]


def name_with_offset(name: str, offset: float) -> str:
    """Return how a number minus its offset is shown: `time - 1748003533`, and only its name without one."""
    shown = str(int(offset)) if offset.is_integer() else str(offset)
    return f"{name} - {shown}" if offset else name


class NumericInput(BaseModel):
    """A number, true and false as 1 and 0, or one part of a date.

    Attributes:
        name: the name of the column, or for a date `column.year` and so on.
        column: the column that it is read from.
        date_part: which part of a date it is; None for other columns.
        zone: of the date, whose clock it is on; None for UTC and for dates without a zone.
        offset: is subtracted before the number becomes a float32, which would make one of different values such as
            1748000006 and 1748000007; 0 for a column whose values stay apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    column: str
    kind: Literal["numeric", "boolean", "datetime"]
    date_part: DatePart | None = None
    zone: str | None = Field(default=None, exclude_if=lambda zone: zone is None)
    offset: Single = Field(default=0.0, exclude_if=lambda offset: offset == 0)

    @property
    def shown_name(self) -> str:
        """The name of the number that the model reads: with the offset, if there is one."""
        return name_with_offset(self.name, self.offset)


class NumericFeature(NumericInput):
    """A number, and its statistics in the train rows, all of them without the offset.

    Attributes:
        mean, std: of the train rows that have a value; std is that of the population.
        low, high: the smallest and the largest value of the train rows.
        quantiles: of the train rows at evenly spaced levels from 0 to 1, each a value that occurs; at most
            1001 of them, from at most 262,144 rows. Empty if no train row has a value.
        gaps: how many train rows have no value.
    """

    mean: Single
    std: Single
    low: Single
    high: Single
    quantiles: Annotated[list[Single], Field(max_length=1001)]
    gaps: Count


class CategoricalFeature(BaseModel):
    """A name; the levels are those of the train rows, with codes from 1, and all others share code 0.

    Attributes:
        levels: "" among them stands for a gap, if train rows had some; else gaps have code 0 as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    levels: list[str]

    @property
    def names(self) -> list[str]:
        """The levels without the gap."""
        return [level for level in self.levels if level != GAP_LEVEL]


class InputFeatures(NamedTuple):
    """The columns that the model sees, before the statistics of the numbers are known."""

    numeric: Sequence[NumericInput]
    categorical: Sequence[CategoricalFeature]
    target_offset: float = 0.0


class TargetStatistics(BaseModel):
    """The target of the train rows, for a regression.

    Attributes:
        mean, std, skew: of the target minus its offset.
        log_mean, log_std, log_skew: of the logarithm of the target itself; None if some value is not above 0.
        offset: is subtracted before the target becomes a float32, as of a feature, and added to the predictions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Single
    std: Single
    skew: Single
    log_mean: Single | None
    log_std: Single | None
    log_skew: Single | None
    offset: Single = Field(default=0.0, exclude_if=lambda offset: offset == 0)


class SequenceFeatures(BaseModel):
    """The way in which rows make sequences, and the lengths of the train sequences.

    Attributes:
        n_steps: the steps of all train sequences: as many rows as the statistics of each feature are of.
        longest: the steps of the longest train sequence.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: SequenceParams
    n_steps: Count
    longest: Count


class PairFeatures(BaseModel):
    """The columns of the two sides of a pair; numbers and categories are described once, by both sides together.

    Attributes:
        left, right: the prefixes of the columns of each side.
        texts: the columns, without a prefix, that are read by their letters.
        n_letters: how many letters of a text are read.
        n_buckets: the number of hash buckets of their n-grams.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: str
    right: str
    texts: list[str]
    n_letters: int = Field(ge=1, le=4096)
    n_buckets: int = Field(ge=1, le=2**24)


class Features(BaseModel):
    """All that turns a clean table into tensors, and the outputs of a model into predictions.

    Nothing here depends on the test rows.

    Attributes:
        targets: the columns of the target: one, or for a distribution one for each class.
        weight: the column of sample weights, if there is one.
        query: the column that names the query of each candidate, for a ranking.
        target_statistics: of the train rows, for a regression; None for classes.
        class_counts: train rows of each class, in the order of `classes`; None for regression and distributions.
        n_train: the number of rows of the train part.
        validates_on_test: with `split.validation: 0` the test rows stand in for the validation
            rows in the curves, as in the tutorial.
        sequence: how rows make sequences; then a row of the train part is a sequence.
        series: of a forecast; then a row of the train part is a window.
        pairs: how the two sides are read, for similarity; then the names of the features have no prefix.
        reader: of the source; None if Relight read it.
        text_format: how the texts of the source are written; None in the usual way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[3] = 3
    task: Task
    target: str
    targets: list[str]
    weight: str | None
    query: str | None = Field(default=None, exclude_if=lambda name: name is None)
    classes: list[str] | None
    numeric: list[NumericFeature]
    categorical: list[CategoricalFeature]
    target_statistics: TargetStatistics | None
    class_counts: list[Count] | None
    n_train: Count
    validates_on_test: bool
    sequence: SequenceFeatures | None = Field(default=None, exclude_if=lambda value: value is None)
    series: SeriesFeatures | None = Field(default=None, exclude_if=lambda value: value is None)
    pairs: PairFeatures | None = Field(default=None, exclude_if=lambda value: value is None)
    reader: SourceReader | None = Field(default=None, exclude_if=lambda value: value is None)
    text_format: TextFormat | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def kind(self) -> Kind:
        """The kind of data: which file of each folder works on it."""
        if self.pairs is not None:
            return "pairs"
        if self.series is not None:
            return "series"
        return "table" if self.sequence is None else "sequences"

    @property
    def positive_class(self) -> str | None:
        """The last of two classes, which precision, recall, F1 and the threshold are about; None for other tasks."""
        has_two = self.task in ("binary", "multiclass") and self.classes is not None and len(self.classes) == 2
        return self.classes[-1] if has_two and self.classes else None

    @property
    def n_described(self) -> int:
        """The number of train rows, or of steps of train sequences, that the statistics of each feature are of."""
        return self.n_train if self.sequence is None else self.sequence.n_steps

    @property
    def target_offset(self) -> float:
        """The number that the model's outputs lack: what was subtracted from the target; mostly 0."""
        return 0.0 if self.target_statistics is None else self.target_statistics.offset

    @property
    def names(self) -> list[str]:
        """The names of the features, the numbers first."""
        return [*(feature.name for feature in self.numeric), *(feature.name for feature in self.categorical)]

    @property
    def columns(self) -> list[str]:
        """The columns of a table that the model reads, each once."""
        sources = [*(feature.column for feature in self.numeric), *(feature.name for feature in self.categorical)]
        return list(dict.fromkeys(sources))


def record_kinds(features: Features) -> dict[str, ColumnKind]:
    """Return the kind of each column of a record, without a prefix; a text that is no number is a name."""
    assert features.pairs
    numbers: dict[str, ColumnKind] = {feature.column: feature.kind for feature in features.numeric}
    names = [*(feature.name for feature in features.categorical), *features.pairs.texts]
    return {**numbers, **{name: "categorical" for name in names if name not in numbers}}
