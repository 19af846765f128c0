"""The versions that a result depends on."""

import platform
from importlib.metadata import version

RELIGHT = "0.1.0"  # as in pyproject.toml; what is installed may be another copy than the code that runs
PACKAGES = ("numpy", "polars", "rtdl_num_embeddings", "rtdl_revisiting_models", "safetensors", "tabm", "torch")


def versions() -> dict[str, str]:
    """Of Python and of each package that takes part in the numbers."""
    packages = {name: version(name).split("+")[0] for name in PACKAGES}
    return {"python": platform.python_version(), **packages}


def all_versions() -> dict[str, str]:
    """The same with Relight's own."""
    return {**versions(), "relight": RELIGHT}
