"""The `model` section: which network, and what stands before it."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.section import Section


class MlpParams(Section):
    n_blocks: int = Field(ge=1, le=64, examples=[3])
    d_block: int = Field(ge=1, le=16384, examples=[256])
    dropout: float = Field(ge=0, lt=1, examples=[0.1])


class ModelParams(Section):
    name: Literal["linear_parameters", "linear", "mlp"] = Field(examples=["linear"])
    numeric: Literal["none", "standardize"] = Field(examples=["none"])
    mlp: MlpParams | None = None

    @model_validator(mode="after")
    def own_section_is_there(self) -> Self:
        if self.name == "mlp" and self.mlp is None:
            raise PydanticCustomError(
                "own_section",
                "mlp is missing; add for example `mlp: {n_blocks: 3, d_block: 256, dropout: 0.1}`",
            )
        return self
