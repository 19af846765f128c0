"""A metric of the user's own, called the same way by early stopping and by evaluate: NumPy arrays in, a number out."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from relight.errors import RelightError, RunError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, assert_takes
from relight.runtime.tracebacks import blame_own_code

ARGUMENTS = ("y_true", "y_pred", "sample_weight")


def as_metric(target: Any, call: Call, key: str) -> Callable[..., Any]:
    """Return a function of three positional arguments; those of scikit-learn take `sample_weight` by its name.

    Args:
        key: the setting that holds the call, for messages.

    Raises:
        InputError: if it does not take these arguments and its settings.
    """
    weight = parameters(target).get(ARGUMENTS[-1])
    if weight is None or weight.kind is not weight.KEYWORD_ONLY:
        return as_function(target, call, key, *ARGUMENTS)
    assert_takes(target, call, key, ARGUMENTS[:-1], {ARGUMENTS[-1]: None})
    return partial(_by_keyword, partial(target, **call.settings))


def parameters(target: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a function by their names; none of one that is written in C."""
    try:
        return dict(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return {}


def _by_keyword(function: Callable[..., Any], y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> Any:
    return function(y_true, y_pred, sample_weight=weight)


def call_metric(
    metric: Callable[..., Any], *arrays: np.ndarray, key: str, described: str, project: Path = Path()
) -> float:
    """Return the number that a metric makes of arrays, which it cannot change; it may be NaN or infinite.

    Args:
        described: the function with its file and line, for messages.
        project: the folder below which it lies.

    Raises:
        RunError: if it raises an exception, or returns something else than one number.
    """
    try:
        with blame_own_code(project, key):
            result = metric(*map(read_only, arrays))
    except RelightError:
        raise
    except Exception as error:  # raised by a library that it calls, or is
        text = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(f"{key}: {described}: {type(error).__name__}: {text}") from error
    number = result.item() if isinstance(result, np.generic | np.ndarray) and result.ndim == 0 else result
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise RunError(f"{key}: {described} must return one number, got {_result_text(result)}")
    return float(number)


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that refuses changes, so that a metric cannot change the scores after it."""
    view = array.view()
    view.flags.writeable = False
    return view


def _result_text(result: Any) -> str:
    if isinstance(result, np.ndarray):
        return f"an array of shape {result.shape}"
    return f"{type(result).__name__} {result!r:.40}" if result is not None else "None; it has no `return`?"
