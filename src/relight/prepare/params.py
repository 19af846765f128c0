"""The `prepare` section of params.yaml, and the description of generated points in a `.yaml` source."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.data.schema import SequenceParams
from relight.data.text_format import CsvParams
from relight.own_code.calls import Call
from relight.runtime.params import Name, Section

MAX_GENERATED_POINTS = 10_000_000
MAX_VALUE = 1e37  # float32 ends at 3.4e38
MAX_WHOLE_CLASS = 2**53  # float64 has every whole number up to here
RequestedKind = Literal["numeric", "categorical", "boolean", "datetime", "ignore"]


class LineParams(Section):
    """The points of a `.yaml` source: y = weight * x + bias, with or without noise."""

    kind: Literal["line"] = Field(examples=["line"])
    """The kind of generated data: points on a line."""
    weight: float = Field(examples=[0.7])
    """Slope of the line."""
    bias: float = Field(examples=[0.3])
    """Height of the line at x = 0."""
    start: float = Field(examples=[0.0])
    """The first x."""
    stop: float = Field(examples=[1.0])
    """The end of x, itself not included."""
    step: float = Field(gt=0, examples=[0.02])
    """Distance between two x."""
    noise: float = Field(ge=0, examples=[0.0])
    """Standard deviation of the normal noise that is added to y."""
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])
    """Seed of the noise."""

    @model_validator(mode="after")
    def has_points(self) -> Self:
        points = (self.stop - self.start) / self.step
        if not 1 <= points <= MAX_GENERATED_POINTS:
            raise PydanticCustomError(
                "points",
                f"(stop - start) / step must give 1 to {MAX_GENERATED_POINTS} points, got {points:.6g}",
            )
        return self

    @model_validator(mode="after")
    def fits_float32(self) -> Self:
        farthest = max(abs(self.start), abs(self.stop), 1)
        largest = farthest * max(abs(self.weight), 1) + abs(self.bias) + 10 * self.noise
        if not largest <= MAX_VALUE:
            raise PydanticCustomError(
                "points", f"x and y must stay below {MAX_VALUE:g} (float32), got values up to {largest:.3g}"
            )
        return self


class PairsParams(Section):
    """What marks the columns of the two records of a pair, before their names or, as `_l`, behind them."""

    left: Name = Field(default="left_", min_length=1)
    """Mark of the columns of the first record; if no column has the defaults, `_l` and `_r` and other usual ones are
    tried."""
    right: Name = Field(default="right_", min_length=1)
    """Mark of the columns of the second record."""

    @model_validator(mode="after")
    def sides_differ(self) -> Self:
        if self.left.startswith(self.right) or self.right.startswith(self.left):
            raise PydanticCustomError(
                "own_section",
                f"left and right must be prefixes that tell the sides apart, got '{self.left}', '{self.right}'",
            )
        return self


def _check_target(value: Any) -> Any:
    """One column, or for a label distribution several of them."""
    several = isinstance(value, list) and len(value) > 1 and all(isinstance(name, str) and name for name in value)
    if several and len(set(value)) == len(value):
        return value
    if isinstance(value, str) and value:
        return value
    nothing = value is None or (isinstance(value, list) and None in value)
    advice = ", got null; write the name in quotes" if nothing else ""
    raise PydanticCustomError(
        "target", f"must be the name of a column, or a list of two or more different ones{advice}"
    )


def _check_reader(value: Any) -> Any:
    if isinstance(value, str):
        raise PydanticCustomError("own_section", f'must be a mapping, as {{call: "{value[:60]}"}}, got a text')
    return value


def _check_positive(value: Any) -> Any:
    """YAML reads the classes 0 and 1 as numbers, true and false as booleans."""
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) in (int, float):
        return f"{value:g}" if value == round(value) and abs(value) < MAX_WHOLE_CLASS else str(value)
    if isinstance(value, str) and value.strip():
        return value
    raise PydanticCustomError("positive", "must be auto or one of the two classes of the target")


class PrepareParams(Section):
    """Which table is read, what is predicted, and what its columns are."""

    source: str = Field(min_length=1, examples=["data/raw/line.yaml"])
    """The table: .csv, .tsv or .txt (also packed), .parquet, .jsonl, .xlsx, or a folder of them; a .yaml describes
    generated data."""
    reader: Annotated[Call | None, BeforeValidator(_check_reader)] = None
    """A function of your own that reads the source, whatever it is: `{call: "module:function"}` with its settings."""
    target: Annotated[Name | list[Name], BeforeValidator(_check_target)] = Field(examples=["y"])
    """The column to predict; several columns of shares that sum to 1 are a distribution."""
    task: Literal["auto", "regression", "binary", "multiclass", "distribution", "forecast", "ranking", "similarity"] = (
        Field(examples=["auto"])
    )
    """What is predicted; auto finds regression, binary, multiclass or distribution from the target."""
    positive: Annotated[str, BeforeValidator(_check_positive)] = "auto"
    """Of two classes the one that precision, recall, F1, average precision and the threshold are about; auto: true,
    yes, 1 or positive, the one that the other denies (fraud and not fraud), or else the rarer one."""
    ignore: list[Name] = Field(examples=[[]])
    """Columns that the model must not see."""
    columns: dict[str, RequestedKind] = Field(default={})
    """Kinds that overrule the ones found, by column."""
    zones: dict[str, str] = Field(default={}, examples=[{"when": "Europe/Berlin"}])
    """Zones of times with an offset, by column: their clock tells hour and weekday; by default that of the column. Of
    the time of a forecast it may also be the zone of a clock without offsets."""
    weight: Name | None = None
    """The column that says how much each row counts, in training and in the scores; not for rankings."""
    sequence: SequenceParams | None = None
    """How rows form sequences or series; required by forecasts; null: each row stands for itself."""
    query: Name | None = None
    """The column that names the query of each candidate; required by rankings, null otherwise."""
    pairs: PairsParams = PairsParams()
    csv: CsvParams = CsvParams()
    """How the texts of a table are written."""

    @property
    def table_name(self) -> str:
        """The source in messages, with the reader that decides on its columns."""
        return self.source if self.reader is None else f"{self.source} (read by {self.reader})"

    @model_validator(mode="after")
    def a_forecast_has_a_time(self) -> Self:
        is_forecast = self.sequence is not None and self.sequence.is_forecast
        if self.task == "forecast" and not is_forecast:
            raise PydanticCustomError(
                "sequence", "sequence must name the time of a forecast, as {time: date, horizon: 24}, and no id"
            )
        if is_forecast and self.task != "forecast":
            raise PydanticCustomError(
                "sequence", "sequence must have an id, as {id: sequence, time: step}; or set task to forecast"
            )
        if is_forecast and not isinstance(self.target, str):
            raise PydanticCustomError("sequence", "target must be one column with task: forecast")
        return self

    @model_validator(mode="after")
    def positive_fits_task(self) -> Self:
        has_none = self.task in ("regression", "distribution", "forecast", "ranking") or isinstance(self.target, list)
        if has_none and self.positive != "auto":
            task = "distribution" if isinstance(self.target, list) else self.task
            raise PydanticCustomError(
                "positive", f"positive must be auto with task: {task} (it is for two classes), got '{self.positive}'"
            )
        return self

    @model_validator(mode="after")
    def query_fits_task(self) -> Self:
        if self.task != "ranking" and self.query is not None:
            raise PydanticCustomError(
                "column", f"query must be null with task: {self.task} (it is for ranking), got '{self.query}'"
            )
        if self.task == "ranking" and not self.query:
            raise PydanticCustomError(
                "column", "query must name the column that says which query a row is a candidate of, with task: ranking"
            )
        if self.task == "ranking" and self.weight is not None:
            raise PydanticCustomError(
                "column", f"weight must be null with task: ranking (queries count the same), got '{self.weight}'"
            )
        return self
