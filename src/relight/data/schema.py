"""schema.json: what prepare found out about a table: its columns, its target, its task, its sequences, series or pairs.

The `prepare.sequence` section is here, too, because the schema repeats it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.data.text_format import TextFormat
from relight.runtime.messages import pluralize
from relight.runtime.params import Name, Section

MICROSECONDS_PER_SECOND, SECONDS_PER_DAY = 1_000_000, 86_400
SEASON_OF_SECONDS = {  # the seconds of a step → the steps of its season
    1: 60,
    60: 60,
    600: 144,
    900: 96,
    1800: 48,
    3600: 24,
    SECONDS_PER_DAY: 7,
    7 * SECONDS_PER_DAY: 52,
}
WEEKDAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
BUSINESS_DAYS = (1, 2, 3, 4, 5)
SEASON_OF_MONTHS = {1: 12, 3: 4, 12: 1}
MAX_AUTO_NUMBER = 1_000_000
FORECAST_KEYS = ("series", "length", "horizon", "step", "season", "fill", "known")
Task = Literal["regression", "binary", "multiclass", "distribution", "forecast", "ranking", "similarity"]
Part = Literal["train", "validation", "test"]
ColumnKind = Literal["numeric", "boolean", "categorical", "datetime", "ignored"]
STEP_COLUMN = "step"  # counts the steps of time in the clean rows of series
GAP_LEVEL = ""  # in the place of a name, which is never empty
SPLIT_COLUMN = "split"  # the column in which tables with fixed parts have them


class Frequency(BaseModel):
    """The length of a step: `every` whole numbers, seconds or months.

    Attributes:
        month_end: whether the times are the last days of their months.
        month_day: another rule for the day within a month, as `prepare.time_axis.months` names it; None if each series
            has a day of its own, such as the 15th.
        weekdays: 1 (Monday) to 7, for days of which only these count, such as business days.
        on_clock: whether seconds are counted on the clock of the zone, whose days may have 23 or 25 hours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["number", "second", "month"]
    every: int = Field(ge=1, le=2**62)
    month_end: bool = False
    month_day: str | None = Field(default=None, exclude_if=lambda value: value is None)
    weekdays: tuple[int, ...] | None = Field(default=None, exclude_if=lambda value: value is None)
    on_clock: bool = Field(default=False, exclude_if=lambda value: not value)

    def __str__(self) -> str:
        if self.unit == "number":
            return str(self.every)
        if self.unit == "month":
            return pluralize(self.every, "month")
        if self.weekdays is not None:
            names = ", ".join(WEEKDAY_NAMES[day - 1] for day in self.weekdays)
            return "1 business day" if self.weekdays == BUSINESS_DAYS else f"1 day of {names}"
        for name, seconds in (
            ("week", 7 * SECONDS_PER_DAY),
            ("day", SECONDS_PER_DAY),
            ("hour", 3600),
            ("minute", 60),
            ("second", 1),
        ):
            if self.every % seconds == 0:
                return pluralize(self.every // seconds, name)
        raise AssertionError("every number of seconds is a multiple of one second")

    @property
    def season(self) -> int:
        """The number of steps after which a series is expected to repeat itself; 1 if none is."""
        if self.weekdays is not None:
            return len(self.weekdays)
        seasons = {"number": {}, "second": SEASON_OF_SECONDS, "month": SEASON_OF_MONTHS}[self.unit]
        return seasons.get(self.every, 1)

    def has_steps_of(self, other: "Frequency") -> bool:
        """Return whether the steps are as long as those of another one; the day within a month may differ."""
        return (self.unit, self.every, self.weekdays) == (other.unit, other.every, other.weekdays)


def _auto_or_number(value: Any) -> Any:
    if value in ("auto", None) or (type(value) is int and 1 <= value <= MAX_AUTO_NUMBER):
        return value
    raise PydanticCustomError("auto", "must be auto or a whole number from 1 to {most}", {"most": MAX_AUTO_NUMBER})


def _optional_field() -> Any:
    return Field(default=None, exclude_if=lambda value: value is None)


AutoOrNumber = Annotated[
    Literal["auto"] | Annotated[int, Field(ge=1, le=MAX_AUTO_NUMBER)] | None, BeforeValidator(_auto_or_number)
]


class SequenceParams(Section):
    """The columns that turn rows into labelled sequences (`id` and `time`, or `symbols`), or into series (`time`)."""

    id: Name | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    """The column that names the sequence of each row; all rows of a sequence have the same target."""
    time: Name | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    """The column that orders the rows of a sequence or a series: numbers or dates; of a series also months, quarters
    and weeks, such as 2024-01, 2024Q1, 2024-W05."""
    symbols: Name | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    """Instead of `id` and `time`: each row is a sequence, and the characters of this text are its steps."""
    series: Name | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    """The column that names the series of a forecast; null: the table is one series."""
    length: AutoOrNumber = _optional_field()
    """Number of past steps that a forecast reads; auto: two seasons, at least 96."""
    horizon: int | None = Field(default=None, ge=1, le=10_000, exclude_if=lambda value: value is None)
    """Number of steps that a forecast predicts; 1 if left out."""
    step: int | None = Field(default=None, ge=1, le=MAX_AUTO_NUMBER, exclude_if=lambda value: value is None)
    """Number of steps between the origins of two windows; 1 if left out."""
    season: AutoOrNumber = _optional_field()
    """Number of steps after which a series is expected to repeat itself; auto: by the length of a step (24 for hours, 7
    for days, 5 for business days, 52 for weeks, 12 for months)."""
    fill: Literal["forward", "interpolate", "error"] | None = _optional_field()
    """What fills a gap of the past: the value before it (forward, if left out), a line between its neighbours in the
    same part (interpolate), or nothing (error)."""
    known: list[Name] | None = _optional_field()
    """Covariates whose future is known, such as holidays; a forecast sees only the past of the others."""

    @property
    def is_forecast(self) -> bool:
        """Return whether the section describes a forecast."""
        return self.id is None and self.symbols is None

    @model_validator(mode="after")
    def belong_together(self) -> Self:
        if self.symbols is not None and (self.id is not None or self.time is not None):
            raise PydanticCustomError(
                "column", "symbols must come without id and time: with it, each row is a sequence"
            )
        if self.symbols is None and self.time is None:
            raise PydanticCustomError(
                "column",
                "must have id and time (each row is a step of a sequence), symbols (each row is a sequence), or only "
                "time (a forecast); write for example `{id: sequence, time: step}`",
            )
        if self.id is not None and self.id == self.time:
            raise PydanticCustomError("column", f"id and time must be two columns, got '{self.id}'")
        return self

    @model_validator(mode="after")
    def only_forecasts_have_a_horizon(self) -> Self:
        forecast_keys = [name for name in FORECAST_KEYS if getattr(self, name) is not None]
        if forecast_keys and not self.is_forecast:
            raise PydanticCustomError(
                "column", f"{', '.join(forecast_keys)} must be left out with id or symbols: only forecasts have it"
            )
        return self


class Column(BaseModel):
    """A column that is neither target nor weight.

    Attributes:
        zone: of times, whose clock tells hour and weekday; None for UTC and for times without an offset.
        copy_of: the column that it equals in every row; it is ignored then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ColumnKind
    zone: str | None = Field(default=None, exclude_if=lambda zone: zone is None)
    copy_of: str | None = Field(default=None, exclude_if=lambda name: name is None)


class SeriesSchema(BaseModel):
    """The forecast: `prepare.sequence` with every `auto` and every default replaced.

    Attributes:
        zone: of times with an offset, whose clock the calendar follows; None for UTC and for times without an offset.
        form: how the file writes times, as `data.written_times` reads it; None for ISO 8601 and for numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    series: str | None
    length: int = Field(ge=1, le=2**31)
    horizon: int = Field(ge=1, le=10_000)
    step: int = Field(ge=1, le=2**31)
    season: int = Field(ge=1, le=2**31)
    fill: Literal["forward", "interpolate", "error"]
    known: list[str]
    frequency: Frequency
    zone: str | None = Field(default=None, exclude_if=lambda value: value is None)
    form: str | None = Field(default=None, exclude_if=lambda value: value is None)


class PairColumn(BaseModel):
    """A column that both sides of a pair have.

    Attributes:
        name: without the prefix of a side.
        is_text: whether its letters are compared: names with many values, and whole numbers, which are read as
            numbers as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["numeric", "boolean", "categorical", "datetime"]
    is_text: bool


class PairColumns(BaseModel):
    """The two sides of a table of pairs.

    Attributes:
        left, right: the prefixes of the columns of each side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: str
    right: str
    columns: list[PairColumn]


class SourceReader(BaseModel):
    """The function of the user's own that read the source, and that reads new files of the same ending.

    Attributes:
        call: its name, `module:function`.
        settings: its keyword arguments.
        ending: of the source's name, as `.xlsx`; a slash for a folder without one.
        files: the sha256 of each file of the project that the function runs, by its path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    call: str
    settings: dict[str, Any]
    ending: str
    files: dict[str, str]


class Schema(BaseModel):
    """A clean table, described on one page.

    Attributes:
        target: the name of the target; for a distribution its columns, joined by commas.
        targets: the columns of the target: one, or for a distribution one for each class.
        weight: the column of sample weights, if there is one.
        query: the column that names the query of each candidate, for a ranking.
        classes: the labels in their order, from the whole table, of two the positive one last; None for regression.
        generated: the true parameters of a generated line.
        notes: remarks, in whole sentences.
        series: the forecast; None for other tasks.
        sequence: how the rows make sequences; None if each row is independent.
        pairs: the columns of both sides, for similarity.
        reader: of the source; None if Relight read it.
        text_format: how the texts of the source are written; None in the usual way.
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
    reader: SourceReader | None = Field(default=None, exclude_if=lambda value: value is None)
    text_format: TextFormat | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def features(self) -> list[Column]:
        """The columns that the model may see."""
        return [column for column in self.columns if column.kind != "ignored"]
