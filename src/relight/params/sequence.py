"""The `prepare.sequence` section: how the rows of a table make sequences."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section


class SequenceParams(Section):
    """
    Attributes:
        id: the column that names the sequence of each row; all rows of a sequence have the same target.
        time: the column that orders the rows of a sequence: numbers or dates.
        symbols: in place of both: each row is a sequence, and the characters of this text its steps.
    """

    id: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    time: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)
    symbols: str | None = Field(default=None, min_length=1, exclude_if=lambda name: name is None)

    @model_validator(mode="after")
    def belong_together(self) -> Self:
        if self.symbols is not None and (self.id is not None or self.time is not None):
            raise PydanticCustomError(
                "column", "symbols must stand alone: each row is a sequence then, without an id and a time"
            )
        if self.symbols is None and (self.id is None or self.time is None):
            raise PydanticCustomError(
                "column",
                "must have id and time (each row is a step of a sequence), or symbols (each row is a sequence); "
                "write for example `{id: sequence, time: step}`",
            )
        if self.id is not None and self.id == self.time:
            raise PydanticCustomError("column", f"id and time must be two columns, however: both are '{self.id}'")
        return self
