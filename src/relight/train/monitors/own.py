"""A metric of the user's own, called as the one of evaluate is (metrics/own.py): NumPy arrays in, a number out."""

import inspect
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from relight.errors import RelightError, RunError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, assert_takes, described, load
from relight.runtime.tracebacks import blame_own_code
from relight.train.monitors.choice import KEY
from relight.train.monitors.metrics import Truth
from relight.train.params import MonitorCall

ARGUMENTS = ("y_true", "y_pred", "sample_weight")


def own_metric(asked: MonitorCall, truth: Truth, project: Path = Path()) -> Callable[[Tensor], float]:
    """Return outputs on the network's scale → the metric.

    It gets float64 arrays that cannot be changed. The result raises RunError for an exception in the metric, or if that
    is no finite number.

    Raises:
        InputError: if the metric is not there, or does not take these arguments.
    """
    call = Call(call=asked.call, **asked.settings)
    target = load(call, KEY, project)
    metric, name = _positional(target, call), described(target, call)
    true, weight = (_read_only(array.astype(np.float64)) for array in (truth.y_true, truth.sample_weight))

    def score(outputs: Tensor) -> float:
        try:
            with blame_own_code(project, KEY):
                value = metric(true, _read_only(truth.predict(outputs)), weight)
        except RelightError:
            raise
        except Exception as error:  # raised by a library that it calls, or is
            raise RunError(f"{KEY}: {name}: {type(error).__name__}: {str(error).splitlines()[0]}") from error
        return _finite_number(value, name)

    return score


def _positional(target: Any, call: Call) -> Callable[..., Any]:
    """Return a function of three positional arguments; those of scikit-learn take `sample_weight` by its name."""
    if not inspect.isfunction(target) or ARGUMENTS[-1] not in inspect.getfullargspec(target).kwonlyargs:
        return as_function(target, call, KEY, *ARGUMENTS)
    assert_takes(target, call, KEY, ARGUMENTS[:-1], {ARGUMENTS[-1]: None})
    by_name = partial(target, **call.settings)
    return lambda true, predicted, sample_weight: by_name(true, predicted, sample_weight=sample_weight)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _finite_number(value: Any, name: str) -> float:
    number = value.item() if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 else value
    if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
        return float(number)
    raise RunError(f"{KEY}: {name} must return a finite number, got {type(value).__name__} {value!r:.40}")
