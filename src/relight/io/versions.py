"""The versions that a result depends on."""

import platform
from importlib.metadata import version

PACKAGES = ("numpy", "polars", "rtdl_num_embeddings", "rtdl_revisiting_models", "safetensors", "tabm", "torch")


def versions() -> dict[str, str]:
    """Of Python and of each package that takes part in the numbers."""
    packages = {name: version(name).split("+")[0] for name in PACKAGES}
    return {"python": platform.python_version(), **packages}
