"""A metric of the user's own as the score of the validation rows, called as evaluate calls it."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from relight.errors import RunError
from relight.own_code.calls import Call
from relight.own_code.loading import described, load
from relight.own_code.metrics import as_metric, call_metric
from relight.train.monitors.choice import KEY
from relight.train.monitors.metrics import Truth
from relight.train.params import MonitorCall


def own_metric(asked: MonitorCall, truth: Truth, project: Path = Path()) -> Callable[[Tensor], float]:
    """Return outputs on the network's scale → the metric.

    It gets float64 arrays that cannot be changed. The result raises RunError for an exception in the metric, or if that
    is no finite number.

    Raises:
        InputError: if the metric is not there, or does not take these arguments.
    """
    call = Call(call=asked.call, **asked.settings)
    target = load(call, KEY, project)
    metric, name = as_metric(target, call, KEY), described(target, call)
    true, weight = (array.astype(np.float64) for array in (truth.y_true, truth.sample_weight))

    def score(outputs: Tensor) -> float:
        value = call_metric(metric, true, truth.predict(outputs), weight, key=KEY, described=name, project=project)
        if not math.isfinite(value):
            raise RunError(f"{KEY}: {name} must return a finite number, got {value}")
        return value

    return score
