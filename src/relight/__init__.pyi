"""What `relight` has, for type checkers and editors: the module itself imports it when it is asked for."""

from relight.predict.loaded import load as load

__all__ = ["load"]
