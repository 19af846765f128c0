"""Extras: packages that only one command needs, and what that command says without them."""

from importlib.util import find_spec

from relight.errors import InputError

PACKAGES = {  # as in pyproject.toml
    "excel": ("fastexcel",),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "sweep": ("optuna",),
}


def require_extra(extra: str, what: str | None = None) -> None:
    """Check that the packages of an extra are installed; none of them is imported.

    Args:
        what: needs it; None for the command of its name.

    Raises:
        InputError: if one is missing. Its advice works in a clone, too: pip knows the extras of what is installed.
    """
    names = PACKAGES[extra]
    if not all(_is_installed(name) for name in names):
        raise InputError(f"{what or f'relight {extra}'} needs {_enumerate(names)}; pip install 'relight[{extra}]'")


def _is_installed(name: str) -> bool:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # an import hook that refuses the name, a module without a spec
        return False
    return spec is not None and spec.origin is not None  # an empty folder of that name has no origin


def _enumerate(names: tuple[str, ...]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
