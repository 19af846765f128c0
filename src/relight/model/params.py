"""The `model` section of params.yaml, with a section for each architecture."""

from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from relight.own_code.calls import OrCall
from relight.runtime.params import Section

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus"]
Cell = Literal["rnn", "lstm", "gru"]
SequenceModelName = Literal["convolution", "rnn", "lstm", "gru", "decoder", "dlinear", "patch_transformer"]
TableModelName = Literal["linear_parameters", "linear", "mlp", "mlp_ple", "ft_transformer", "tabm", "tabm_small"]
LabelModelName = Literal["convolution", "rnn", "lstm", "gru"]  # of sequences with one label each, and of forecasts
ForecastModelName = Literal["decoder", "dlinear", "patch_transformer"]  # of forecasts only
ModelName = Literal[TableModelName, LabelModelName, ForecastModelName, "tower"]
SEQUENCE_SECTIONS: tuple[str, ...] = ("convolution", "rnn", "lstm", "gru")
FORECAST_SECTIONS: tuple[str, ...] = (*SEQUENCE_SECTIONS, "decoder", "dlinear", "patch_transformer")


class ConvolutionParams(Section):
    """Blocks of convolution, normalisation, activation, pooling and dropout over time."""

    n_blocks: int = Field(default=3, ge=1, le=16)
    """Number of blocks."""
    d_block: int = Field(default=128, ge=1, le=4096)
    """Number of channels."""
    kernel: int = Field(default=3, ge=1, le=255)
    """Number of steps that a convolution sees."""
    pool: int = Field(default=1, ge=1, le=64)
    """Number of steps that max pooling joins after each block; 1: none, and required by `dilated`."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout rate after each block."""
    activation: Activation = "relu"
    """The nonlinearity."""
    dilated: bool = False
    """Whether each block doubles its reach and adds its input to its output."""
    causal: bool = False
    """Whether a step sees only the past; with `dilated` a temporal convolutional network."""

    @model_validator(mode="after")
    def dilated_blocks_keep_every_step(self) -> Self:
        if self.dilated and self.pool != 1:
            raise PydanticCustomError("pool", f"pool must be 1 if dilated is true, got {self.pool}")
        return self


class RecurrentParams(Section):
    """Recurrent layers that read the steps one after the other."""

    n_layers: int = Field(default=1, ge=1, le=16)
    """Number of layers."""
    d_hidden: int = Field(default=64, ge=1, le=4096)
    """Width of the state, in each direction."""
    bidirectional: bool = True
    """Whether the steps are also read backwards."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout rate after each layer."""


class DecoderParams(Section):
    """A recurrent encoder, and a decoder that predicts one step after the other."""

    cell: Cell = "gru"
    """The recurrent cell of encoder and decoder."""
    d_hidden: int = Field(default=64, ge=1, le=4096)
    """Width of the state."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout rate."""
    teacher_forcing: float = Field(default=0.5, ge=0, le=1)
    """Share of steps that see the true value before them; only in training."""


class DLinearParams(Section):
    """A linear layer for the trend and one for the remainder, with the authors' kernel (DLinear)."""

    kernel: int = Field(default=25, ge=1, le=1025)
    """Number of steps in the moving average that is the trend."""


class PatchTransformerParams(Section):
    """A transformer over patches of time (PatchTST): the authors' patches, a narrower network for a CPU."""

    patch: int = Field(default=16, ge=1, le=1024)
    """Number of steps in a patch."""
    stride: int = Field(default=8, ge=1, le=1024)
    """Number of steps between the starts of two patches; at most `patch`."""
    n_blocks: int = Field(default=2, ge=1, le=16)
    """Number of transformer blocks."""
    d_block: int = Field(default=64, ge=8, le=4096)
    """Width of a token; a multiple of `n_heads`."""
    n_heads: int = Field(default=4, ge=1, le=64)
    """Number of attention heads."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout rate."""

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.d_block % self.n_heads:
            raise PydanticCustomError(
                "own_section",
                f"d_block must be a multiple of n_heads, got d_block is {self.d_block}, n_heads {self.n_heads}",
            )
        return self

    @model_validator(mode="after")
    def patches_leave_no_gap(self) -> Self:
        if self.stride > self.patch:
            raise PydanticCustomError(
                "stride", f"stride must be at most patch, got stride is {self.stride}, patch {self.patch}"
            )
        return self


class MlpParams(Section):
    """A multilayer perceptron."""

    n_blocks: int = Field(ge=1, le=64, examples=[3])
    """Number of hidden layers."""
    d_block: int = Field(ge=1, le=16384, examples=[256])
    """Width of a hidden layer."""
    dropout: float = Field(ge=0, lt=1, examples=[0.1])
    """Dropout rate after each layer."""
    activation: Activation = "relu"
    """The nonlinearity."""
    batch_norm: bool = False
    """Whether each layer is batch-normalised."""


class MlpPleParams(Section):
    """An MLP that reads numbers through piecewise-linear embeddings."""

    n_blocks: int = Field(default=2, ge=1, le=64)
    """Number of hidden layers."""
    d_block: int = Field(default=256, ge=1, le=16384)
    """Width of a hidden layer."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout rate after each layer."""
    n_bins: int = Field(default=48, ge=2, le=256)
    """Number of bins of each numeric column, at most."""
    d_embedding: int = Field(default=16, ge=1, le=512)
    """Width of the embedding of a number."""


class FtTransformerParams(Section):
    """FT-Transformer with its authors' defaults for three blocks (rtdl_revisiting_models, get_default_kwargs)."""

    n_blocks: int = Field(default=3, ge=1, le=16)
    """Number of transformer blocks."""
    d_block: int = Field(default=192, ge=8, le=4096)
    """Width of a token; a multiple of `n_heads`."""
    n_heads: int = Field(default=8, ge=1, le=64)
    """Number of attention heads."""
    attention_dropout: float = Field(default=0.2, ge=0, lt=1)
    """Dropout rate of the attention."""
    ffn_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout rate of the feed-forward layers."""

    @model_validator(mode="after")
    def heads_share_the_width(self) -> Self:
        if self.d_block % self.n_heads:
            raise PydanticCustomError(
                "own_section",
                f"d_block must be a multiple of n_heads, got d_block is {self.d_block}, n_heads {self.n_heads}",
            )
        return self


class TabmParams(Section):
    """TabM, with the defaults that TabArena and AutoGluon share."""

    k: int = Field(default=32, ge=1, le=256)
    """Number of MLPs that share most of their weights."""
    n_blocks: int = Field(default=2, ge=1, le=64)
    """Number of hidden layers."""
    d_block: int = Field(default=512, ge=1, le=16384)
    """Width of a hidden layer."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout rate after each layer."""
    n_bins: int = Field(default=48, ge=2, le=256)
    """Number of bins of each numeric column, at most."""
    d_embedding: int = Field(default=16, ge=1, le=512)
    """Width of the embedding of a number."""


class TabmSmallParams(TabmParams):
    """TabM, about ten times cheaper: for a CPU."""

    k: int = Field(default=16, ge=1, le=256)
    d_block: int = Field(default=192, ge=1, le=16384)
    d_embedding: int = Field(default=8, ge=1, le=512)


class TowerParams(Section):
    """One network for both records of a pair."""

    d_embedding: int = Field(default=64, ge=2, le=1024)
    """Width of the embedding of each column of a record."""


class ModelParams(Section):
    """The network, and the scales of its inputs and its target."""

    name: OrCall[Literal["auto", ModelName]] = Field(examples=["linear"])
    """The network, which reads the section of its own name; auto chooses by size and machine, never by trying; or
    `{call: "module:Class"}` with its settings: a network of your own."""
    numeric: Literal["none", "standardize", "quantile_normal"] = Field(examples=["none"])
    """How numeric columns are scaled: by statistics of the train rows, inside the model."""
    target: Literal["auto", "none", "standardize", "log"] = "auto"
    """The scale on which a number is learned; auto: standardize if `numeric` scales, else none. Predictions are in the
    target's own unit."""
    small_models: Literal["auto", "mix", "none"] = Field(default="auto", exclude_if=lambda choice: choice != "mix")
    """Of a forecast: whether exponential smoothing, Theta, naive forecasts and an autoregression of the logarithms
    stand beside the network, each series weighing them by its validation windows; auto: mix if `name` is auto."""
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
        """Leave out the sections of sequence models that a table model does not use, unless they were changed."""
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
