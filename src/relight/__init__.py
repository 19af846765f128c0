"""Relight from Python: `relight.load("models")` returns a trained model that predicts.

Nothing is imported before it is asked for: this file runs in every stage and every command.
"""

from importlib import import_module
from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("relight.predict.loaded"), name)
    raise AttributeError(f"module 'relight' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
