"""The params of sweep.yaml."""

import math
import re
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from relight.repository.addresses import url_secrets
from relight.runtime.params import Section

Scalar = bool | int | float | str | None

RANGE_KEYS = {"low", "high", "log", "step"}

MAX_GRID_POINTS = 100_000

VARIABLES = re.compile(r"(\$\{\w+\})+")  # of the environment


class Range(NamedTuple):
    """A range of whole numbers if both ends are whole, else of any numbers.

    Attributes:
        low, high: both ends belong to the range, but a `high` that is no whole number of steps above `low`.
        log: whether values are drawn uniformly on a logarithmic scale.
        step: distance between values; None for 1 (whole numbers) or none at all.
    """

    low: int | float
    high: int | float
    log: bool
    step: int | float | None

    @property
    def is_whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


class Choices(NamedTuple):
    """A list of values."""

    values: tuple[Scalar, ...]


def _parse_search(value: Any) -> Range | Choices:
    if isinstance(value, list):
        return _parse_choices(value)
    if isinstance(value, dict) and {"low", "high"} <= set(value) <= RANGE_KEYS:
        return _parse_range(value)
    raise PydanticCustomError("search", "must be a list of values, or {low: 0.001, high: 0.1, log: true}")


def _parse_choices(values: list[Any]) -> Choices:
    if not values or any(isinstance(value, list | dict) for value in values):
        raise PydanticCustomError("search", "must be a list of single values, at least one")
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        raise PydanticCustomError("search", "must be a list of finite values")
    if len({repr(value) for value in values}) < len(values):
        raise PydanticCustomError("search", "must be a list of different values")
    return Choices(tuple(values))


def _parse_range(value: dict[str, Any]) -> Range:
    low, high, log, step = value["low"], value["high"], value.get("log", False), value.get("step")
    numbers = [low, high] if step is None else [low, high, step]
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers) or type(log) is not bool:
        raise PydanticCustomError("search", "low, high and step must be finite numbers, log true or false")
    if low >= high:
        raise PydanticCustomError("search", "low must be below high")
    if log and (low <= 0 or step is not None):
        raise PydanticCustomError("search", "with log, low must be above 0, and there is no step")
    if step is not None and step <= 0:
        raise PydanticCustomError("search", "step must be above 0")
    parsed = Range(low, high, log, step)
    if parsed.is_whole and not isinstance(step, int | None):
        raise PydanticCustomError("search", "step must be a whole number if low and high are")
    return parsed


def _check_name(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", value):
        return value
    raise PydanticCustomError("name", "must be letters, digits, - and _, at most 64, because it becomes a Git ref")


class BudgetParams(Section):
    """The limits of a sweep: it ends at whichever comes first."""

    trials: int | None = Field(default=40, ge=1)
    """Number of trials, including those that end early or fail."""
    minutes: float | None = Field(default=None, gt=0)
    """Minutes of all jobs together: two jobs use up 60 in half an hour."""

    @model_validator(mode="after")
    def there_is_an_end(self) -> Self:
        if self.trials is None and self.minutes is None:
            raise PydanticCustomError("column", "trials or minutes must be given, or the sweep would never end")
        return self


class SweepParams(Section):
    """Which params are tried, which score judges them, and when the sweep ends."""

    name: Annotated[str, AfterValidator(_check_name)] = "sweep"
    """Name of the study; its trials are NAME-0000, NAME-0001, ..."""
    metric: str | None = None
    """Dotted key of reports/metrics.json; null: the validation score, the one that early stopping watches."""
    direction: Literal["minimize", "maximize"] | None = None
    """Whether lower or higher is better; known of the validation score and of scores, required of another `metric`."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """How values are proposed: tpe learns from the trials before, grid runs each combination once."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of the sampler; the same seed and one job propose the same."""
    budget: BudgetParams = BudgetParams()
    prune: bool = True
    """Whether a trial ends early if its validation curve is in the worst quarter."""
    storage: str | None = None
    """Database URL that several machines share, with `${NAME}` for a password in the environment; null: a file below
    .dvc/tmp/."""
    params: dict[str, Annotated[Range | Choices, PlainValidator(_parse_search)]] = Field(
        examples=["{train.optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}}"]
    )
    """Dotted keys of params.yaml, each with a list of values or `{low, high, log, step}`; whole numbers if both ends
    are."""

    @model_validator(mode="after")
    def there_is_a_param(self) -> Self:
        if not self.params:
            raise PydanticCustomError("column", "params must name at least one key of params.yaml")
        return self

    @model_validator(mode="after")
    def grid_has_steps(self) -> Self:
        if self.sampler != "grid":
            return self
        for key, search in self.params.items():
            if isinstance(search, Range) and search.step is None and not (search.is_whole and not search.log):
                raise PydanticCustomError("column", f"params.{key} must have a step or be a list with sampler: grid")
        if math.prod(n_values(search) for search in self.params.values()) > MAX_GRID_POINTS:
            raise PydanticCustomError("column", f"the grid of params must have at most {MAX_GRID_POINTS} points")
        return self

    @model_validator(mode="after")
    def password_is_not_written_down(self) -> Self:
        if not all(VARIABLES.fullmatch(secret) for secret in url_secrets(self.storage or "")):
            raise PydanticCustomError(
                "column",
                "storage must not hold a password, because this file is committed; write ${NAME} instead, and set "
                "NAME in the environment",
            )
        return self


def n_values(search: Range | Choices) -> int:
    """Return the number of values of a list, or of a range with steps."""
    if isinstance(search, Choices):
        return len(search.values)
    return int((search.high - search.low) / (search.step or 1) + 1e-9) + 1
