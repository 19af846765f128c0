"""`model.name: auto`: which family suits a table and a machine. It chooses by size, never by trying."""

from relight.domain.features import Features
from relight.params.model import ModelName, ModelParams, TowerParams

MOST_NUMBERS = 20_000_000  # train rows times columns that a CPU passes through tabm_small in minutes


def family_for(features: Features, device: str) -> ModelName:
    """The ensemble where the machine can pay for it; its embeddings before one network where it cannot."""
    if device != "cpu":
        return "tabm"
    return "tabm_small" if features.n_train * len(features.names) <= MOST_NUMBERS else "mlp_ple"


def choose_model(params: ModelParams, features: Features, device: str) -> tuple[ModelParams, str]:
    """The params with a name, and a sentence that says why; unchanged and "" where a name was given.

    Args:
        device: its type, as of torch: cuda, mps or cpu.
    """
    if features.task == "similarity" and params.name in ("auto", "tower"):
        chosen = params.model_copy(update={"name": "tower", "tower": params.tower or TowerParams()})
        return chosen, "" if params.name != "auto" else "auto chose tower: similarity."
    if params.name != "auto":
        return params, ""
    family = family_for(features, device)
    why = f"auto chose {family} for {features.n_train} train rows and {len(features.names)} columns on {device}."
    return params.model_copy(update={"name": family}), why
