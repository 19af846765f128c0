"""The `prepare.sequence` part: which columns order the rows, and what is to be foretold."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from relight.params.section import Section

MOST_STEPS = 1_000_000


def _auto_or_number(value: Any) -> Any:
    if value == "auto" or (type(value) is int and 1 <= value <= MOST_STEPS):
        return value
    raise PydanticCustomError("auto", "must be auto or a whole number from 1 to {most}", {"most": MOST_STEPS})


AutoOrNumber = Annotated[Literal["auto"] | int, BeforeValidator(_auto_or_number)]


class SequenceParams(Section):
    """
    Attributes:
        time: the column that orders the rows: dates, or whole numbers.
        series: the column that names the series; None: the table is one series.
        length: how many steps of its past a forecast sees; auto: two seasons, at least 96.
        horizon: how many steps a forecast foretells.
        step: between the origins of two windows.
        season: steps after which a series is expected to repeat itself; auto: by the length of a step.
        fill: what stands in a gap of the past: the value before it, or a line between its neighbours of the same part.
        known: covariates whose future is known, such as holidays; of the others a forecast sees the past alone.
    """

    time: str = Field(min_length=1, examples=["date"])
    series: str | None = None
    length: AutoOrNumber = "auto"
    horizon: int = Field(default=1, ge=1, le=10_000)
    step: int = Field(default=1, ge=1, le=MOST_STEPS)
    season: AutoOrNumber = "auto"
    fill: Literal["forward", "interpolate", "error"] = "forward"
    known: list[str] = Field(default=[])
