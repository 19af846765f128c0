"""Sections of the `model` section for networks that read steps in time."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from relight.params.activation import Activation
from relight.params.section import Section

Cell = Literal["rnn", "lstm", "gru"]
SequenceModelName = Literal["convolution", "rnn", "lstm", "gru", "decoder", "dlinear", "patch_transformer"]


class ConvolutionParams(Section):
    """Blocks of convolution, normalisation, activation, pooling, dropout; `dilated` ones see far without pooling."""

    n_blocks: int = Field(default=3, ge=1, le=16)
    d_block: int = Field(default=128, ge=1, le=4096)
    kernel: int = Field(default=3, ge=1, le=255)
    pool: int = Field(default=1, ge=1, le=64)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    activation: Activation = "relu"
    dilated: bool = False
    causal: bool = False

    @model_validator(mode="after")
    def dilated_blocks_keep_every_step(self) -> Self:
        if self.dilated and self.pool != 1:
            raise PydanticCustomError("pool", f"pool must be 1 where dilated is true, however: {self.pool}")
        return self


class RecurrentParams(Section):
    n_layers: int = Field(default=1, ge=1, le=16)
    d_hidden: int = Field(default=64, ge=1, le=4096)
    bidirectional: bool = True
    dropout: float = Field(default=0.2, ge=0, lt=1)


class DecoderParams(Section):
    """`teacher_forcing` is the share of steps that see the truth before them, in training alone."""

    cell: Cell = "gru"
    d_hidden: int = Field(default=64, ge=1, le=4096)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    teacher_forcing: float = Field(default=0.5, ge=0, le=1)


class DLinearParams(Section):
    """The authors' kernel."""

    kernel: int = Field(default=25, ge=1, le=1025)


class PatchTransformerParams(Section):
    """Patches of the authors; a narrower network than theirs, for a CPU."""

    patch: int = Field(default=16, ge=1, le=1024)
    stride: int = Field(default=8, ge=1, le=1024)
    n_blocks: int = Field(default=2, ge=1, le=16)
    d_block: int = Field(default=64, ge=8, le=4096)
    n_heads: int = Field(default=4, ge=1, le=64)
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.d_block % self.n_heads:
            raise PydanticCustomError(
                "own_section",
                f"d_block must be a multiple of n_heads, however: d_block is {self.d_block}, n_heads {self.n_heads}",
            )
        return self

    @model_validator(mode="after")
    def patches_leave_no_gap(self) -> Self:
        if self.stride > self.patch:
            raise PydanticCustomError(
                "stride", f"stride must be at most patch, however: stride is {self.stride}, patch {self.patch}"
            )
        return self
