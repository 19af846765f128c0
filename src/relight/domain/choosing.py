"""`model.name: auto`: which family suits a table and a machine. It chooses by size, never by trying."""

from relight.domain.features import Features
from relight.params.model import ModelName, ModelParams

# The device → the family; measured in docs/log.md.
FAMILY_ON: dict[str, ModelName] = {"cuda": "tabm", "mps": "tabm", "cpu": "tabm_small"}


def choose_model(params: ModelParams, features: Features, device: str) -> tuple[ModelParams, str]:
    """The params with a name, and a sentence that says why; unchanged and "" where a name was given.

    Args:
        device: its type, as of torch: cuda, mps or cpu.
    """
    if params.name != "auto":
        return params, ""
    chosen = FAMILY_ON[device]
    why = f"auto chose {chosen} for {features.n_train} train rows and {len(features.names)} columns on {device}."
    return params.model_copy(update={"name": chosen}), why
