"""Model section, every architecture.

The names of activations.

Sections of the `model` section for networks that read steps in time.

The `model` section: which network, what stands before it, and what behind.
"""

from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from relight.runtime.params import Section

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus"]
Cell = Literal["rnn", "lstm", "gru"]
SequenceModelName = Literal["convolution", "rnn", "lstm", "gru", "decoder", "dlinear", "patch_transformer"]
TableModelName = Literal["linear_parameters", "linear", "mlp", "mlp_ple", "ft_transformer", "tabm", "tabm_small"]
LabelModelName = Literal["convolution", "rnn", "lstm", "gru"]  # of sequences with one label each, and of forecasts
ForecastModelName = Literal["decoder", "dlinear", "patch_transformer"]  # of forecasts alone
ModelName = Literal[TableModelName, LabelModelName, ForecastModelName, "tower"]
SEQUENCE_SECTIONS: tuple[str, ...] = ("convolution", "rnn", "lstm", "gru")
FORECAST_SECTIONS: tuple[str, ...] = (*SEQUENCE_SECTIONS, "decoder", "dlinear", "patch_transformer")


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


class MlpParams(Section):
    n_blocks: int = Field(ge=1, le=64, examples=[3])
    d_block: int = Field(ge=1, le=16384, examples=[256])
    dropout: float = Field(ge=0, lt=1, examples=[0.1])
    activation: Activation = "relu"
    batch_norm: bool = False


class MlpPleParams(Section):
    n_blocks: int = Field(default=2, ge=1, le=64)
    d_block: int = Field(default=256, ge=1, le=16384)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    n_bins: int = Field(default=48, ge=2, le=256)
    d_embedding: int = Field(default=16, ge=1, le=512)


class FtTransformerParams(Section):
    """The authors' default for three blocks (rtdl_revisiting_models, get_default_kwargs)."""

    n_blocks: int = Field(default=3, ge=1, le=16)
    d_block: int = Field(default=192, ge=8, le=4096)
    n_heads: int = Field(default=8, ge=1, le=64)
    attention_dropout: float = Field(default=0.2, ge=0, lt=1)
    ffn_dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.d_block % self.n_heads:
            raise PydanticCustomError(
                "own_section",
                f"d_block must be a multiple of n_heads, however: d_block is {self.d_block}, n_heads {self.n_heads}",
            )
        return self


class TabmParams(Section):
    """The recipe that TabArena and AutoGluon share."""

    k: int = Field(default=32, ge=1, le=256)
    n_blocks: int = Field(default=2, ge=1, le=64)
    d_block: int = Field(default=512, ge=1, le=16384)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    n_bins: int = Field(default=48, ge=2, le=256)
    d_embedding: int = Field(default=16, ge=1, le=512)


class TabmSmallParams(TabmParams):
    """About ten times cheaper: for a CPU."""

    k: int = Field(default=16, ge=1, le=256)
    d_block: int = Field(default=192, ge=1, le=16384)
    d_embedding: int = Field(default=8, ge=1, le=512)


class TowerParams(Section):
    """
    Attributes:
        d_embedding: how many numbers stand for each column of a record.
    """

    d_embedding: int = Field(default=64, ge=2, le=1024)


class ModelParams(Section):
    name: Literal["auto", ModelName] = Field(examples=["linear"])
    numeric: Literal["none", "standardize", "quantile_normal"] = Field(examples=["none"])
    target: Literal["auto", "none", "standardize", "log"] = "auto"
    mlp: MlpParams | None = None
    mlp_ple: MlpPleParams = MlpPleParams()
    ft_transformer: FtTransformerParams = FtTransformerParams()
    tabm: TabmParams = TabmParams()
    tabm_small: TabmSmallParams = TabmSmallParams()
    convolution: ConvolutionParams = ConvolutionParams()
    rnn: RecurrentParams = RecurrentParams()
    lstm: RecurrentParams = RecurrentParams()
    gru: RecurrentParams = RecurrentParams()
    decoder: DecoderParams = DecoderParams()
    dlinear: DLinearParams = DLinearParams()
    patch_transformer: PatchTransformerParams = PatchTransformerParams()
    tower: TowerParams | None = Field(default=None, exclude_if=lambda value: value is None)

    @model_serializer(mode="wrap")
    def without_idle_sections(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Of a model of a table, those of sequences are left out where nobody has changed them."""
        written: dict[str, Any] = write(self)
        fields, idle = type(self).model_fields, () if self.name in FORECAST_SECTIONS else FORECAST_SECTIONS
        kept = [key for key in written if key not in idle or getattr(self, key) != fields[key].default]
        return {key: written[key] for key in kept}

    @model_validator(mode="after")
    def own_section_is_there(self) -> Self:
        if self.name == "mlp" and self.mlp is None:
            raise PydanticCustomError(
                "own_section",
                "mlp is missing; add for example `mlp: {n_blocks: 3, d_block: 256, dropout: 0.1}`",
            )
        return self
