"""A metric of the user's own: `(y_true, y_pred, sample_weight) → float` in NumPy."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from relight.errors import RunError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, described, load
from relight.runtime.tracebacks import blame_own_code
from relight.train.monitors.choice import KEY
from relight.train.monitors.metrics import Truth
from relight.train.params import MonitorCall


def own_metric(asked: MonitorCall, truth: Truth, project: Path = Path()) -> Callable[[Tensor], float]:
    """Return outputs on the network's scale → the metric.

    It gets copies, so that it may change them. It raises RunError for an exception in it, or another result than a
    finite number.

    Raises:
        InputError: if it is not there, or does not take these arguments.
    """
    call = Call(call=asked.call, **asked.settings)
    target = load(call, KEY, project)
    function = as_function(target, call, KEY, "y_true", "y_pred", "sample_weight")
    name = described(target, call)

    def score(outputs: Tensor) -> float:
        y_pred = truth.predict(outputs)
        with blame_own_code(project, KEY):
            value = function(truth.y_true.copy(), y_pred, truth.sample_weight.copy())
        return _finite_number(value, name)

    return score


def _finite_number(value: Any, name: str) -> float:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise RunError(f"{KEY}: {name} must return a finite number, got {type(value).__name__} {value!r:.40}")
