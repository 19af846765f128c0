"""The versions that a result depends on."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Of Python and of each package that takes part in the numbers."""
    packages = {name: version(name) for name in ("numpy", "polars", "relight", "safetensors", "torch")}
    return {"python": platform.python_version(), **packages}
