"""The versions that a result depends on."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Of Python and of each package that takes part in the numbers."""
    packages = {name: version(name).split("+")[0] for name in ("numpy", "polars", "safetensors", "torch")}
    return {"python": platform.python_version(), **packages}
