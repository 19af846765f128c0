"""The `prepare.sequence` section: how the rows of a table make sequences, or series that go on."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section

MOST_STEPS = 1_000_000


def _auto_or_number(value: Any) -> Any:
    if value in ("auto", None) or (type(value) is int and 1 <= value <= MOST_STEPS):
        return value
    raise PydanticCustomError("auto", "must be auto or a whole number from 1 to {most}", {"most": MOST_STEPS})


def _unset() -> Any:
    return Field(default=None, exclude_if=lambda value: value is None)


AutoOrNumber = Annotated[Literal["auto"] | int | None, BeforeValidator(_auto_or_number)]
OF_FORECASTS = ("series", "length", "horizon", "step", "season", "fill", "known")


class SequenceParams(Section):
    """Sequences with a label each have `id` and `time`, or `symbols`; a forecast has `time` and what follows it.

    Attributes:
        id: the column that names the sequence of each row; all rows of a sequence have the same target.
        time: the column that orders the rows of a sequence or a series: numbers or dates.
        symbols: in place of both: each row is a sequence, and the characters of this text its steps.
        series: the column that names the series of a forecast; None: the table is one series.
        length: how many steps of its past a forecast sees; auto: two seasons, at least 96.
        horizon: how many steps a forecast foretells; 1 unless named.
        step: between the origins of two windows; 1 unless named.
        season: steps after which a series is expected to repeat itself; auto: by the length of a step.
        fill: what stands in a gap of the past: the value before it (forward), or a line between its neighbours of the
            same part (interpolate); error: nothing does.
        known: covariates whose future is known, such as holidays; of the others a forecast sees the past alone.
    """

    id: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    time: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    symbols: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    series: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    length: AutoOrNumber = _unset()
    horizon: int | None = Field(default=None, ge=1, le=10_000, exclude_if=lambda value: value is None)
    step: int | None = Field(default=None, ge=1, le=MOST_STEPS, exclude_if=lambda value: value is None)
    season: AutoOrNumber = _unset()
    fill: Literal["forward", "interpolate", "error"] | None = _unset()
    known: list[str] | None = _unset()

    @property
    def is_forecast(self) -> bool:
        """Whether it says what is to be foretold."""
        return self.id is None and self.symbols is None

    @model_validator(mode="after")
    def belong_together(self) -> Self:
        if self.symbols is not None and (self.id is not None or self.time is not None):
            raise PydanticCustomError(
                "column", "symbols must stand alone: each row is a sequence then, without an id and a time"
            )
        if self.symbols is None and self.time is None:
            raise PydanticCustomError(
                "column",
                "must have id and time (each row is a step of a sequence), symbols (each row is a sequence), or time "
                "alone (a forecast); write for example `{id: sequence, time: step}`",
            )
        if self.id is not None and self.id == self.time:
            raise PydanticCustomError("column", f"id and time must be two columns, however: both are '{self.id}'")
        return self

    @model_validator(mode="after")
    def only_forecasts_have_a_horizon(self) -> Self:
        odd = [name for name in OF_FORECASTS if getattr(self, name) is not None]
        if odd and not self.is_forecast:
            raise PydanticCustomError(
                "column", f"{', '.join(odd)} must be left out with id or symbols: a forecast has it"
            )
        return self
