"""A `.yaml` source: points on a known line, y = weight * x + bias, with or without noise."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section

MOST_POINTS = 10_000_000
LARGEST = 1e37  # float32 ends at 3.4e38


class LineParams(Section):
    kind: Literal["line"] = Field(examples=["line"])
    weight: float = Field(examples=[0.7])
    bias: float = Field(examples=[0.3])
    start: float = Field(examples=[0.0])
    stop: float = Field(examples=[1.0])
    step: float = Field(gt=0, examples=[0.02])
    noise: float = Field(ge=0, examples=[0.0])
    seed: int = Field(ge=0, le=2**32 - 1, examples=[42])

    @model_validator(mode="after")
    def has_points(self) -> Self:
        points = (self.stop - self.start) / self.step
        if not 1 <= points <= MOST_POINTS:
            raise PydanticCustomError(
                "points",
                f"(stop - start) / step must give 1 to {MOST_POINTS} points, however: {points:.6g}",
            )
        return self

    @model_validator(mode="after")
    def fits_float32(self) -> Self:
        farthest = max(abs(self.start), abs(self.stop), 1)
        largest = farthest * max(abs(self.weight), 1) + abs(self.bias) + 10 * self.noise
        if not largest <= LARGEST:
            raise PydanticCustomError(
                "points", f"x and y must stay below {LARGEST:g} (float32), however: they reach {largest:.3g}"
            )
        return self
