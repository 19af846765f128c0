"""`model.name: auto`: which family suits a table and a machine. It chooses by size, never by trying."""

from relight.domain.features import Features
from relight.params.model import MlpParams, ModelName, ModelParams, TowerParams

FORECAST_MLP = MlpParams(n_blocks=2, d_block=128, dropout=0.1)  # small beside the autoregression
MOST_NUMBERS = 20_000_000  # train rows times columns that a CPU passes through tabm_small in minutes


def family_for(features: Features, device: str) -> ModelName:
    """The ensemble where the machine can pay for it; its embeddings before one network where it cannot."""
    if features.series is not None:
        return "mlp"
    if features.sequence is not None:
        return "convolution"
    if device != "cpu":
        return "tabm"
    return "tabm_small" if features.n_train * len(features.names) <= MOST_NUMBERS else "mlp_ple"


def choose_model(params: ModelParams, features: Features, device: str) -> tuple[ModelParams, str]:
    """The params with a name, and a sentence that says why; unchanged and "" where a name was given.

    Args:
        device: its type, as of torch: cuda, mps or cpu.
    """
    if features.task == "similarity" and params.name in ("auto", "tower"):
        tower = params.model_copy(update={"name": "tower", "tower": params.tower or TowerParams()})
        return tower, "" if params.name != "auto" else "auto chose tower: similarity."
    if params.name != "auto":
        return params, ""
    chosen = family_for(features, device)
    if features.series is not None:
        return _forecaster(params, chosen), f"auto chose {chosen} for a forecast, beside a linear autoregression."
    if features.sequence is not None:
        return params.model_copy(update={"name": chosen}), f"auto chose {chosen} for sequences."
    why = f"auto chose {chosen} for {features.n_train} train rows and {len(features.names)} columns on {device}."
    return params.model_copy(update={"name": chosen}), why


def _forecaster(params: ModelParams, chosen: ModelName) -> ModelParams:
    """The network of a forecast, with a section where the params have none."""
    return params.model_copy(update={"name": chosen, "mlp": params.mlp or FORECAST_MLP})
