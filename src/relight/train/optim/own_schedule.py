"""A schedule of the user's own: a pure function of the step and the number of steps, tried before the training."""

import math
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any

from relight.errors import InputError
from relight.own_code.calls import Call
from relight.own_code.loading import as_function, described, load
from relight.runtime.tracebacks import blame_own_code

KEY = "train.schedule"
MAX_TRIED_STEPS = 10_000
ARGUMENTS = ("step", "n_steps")


def load_schedule(call: Call, project: Path = Path()) -> Callable[..., Any]:
    """Return the function that a call names, with its settings.

    Raises:
        RelightError: if it is not there, or does not take step, number of steps and settings.
    """
    return as_function(load(call, KEY, project), call, KEY, *ARGUMENTS)


def own_schedule(call: Call, n_steps: int) -> Callable[[int, int], float]:
    """Return the factor of the learning rate as a function of the step, from 0, and the number of steps.

    It is tried at all steps, or at 10,000 to 20,000 evenly spread ones, forwards and backwards: a training that
    continues after a checkpoint asks in another order.

    Raises:
        RelightError: if it is not there, raises an exception, returns no number of at least 0, or remembers its calls.
    """
    function = load_schedule(call)
    what = described(function, call)

    def factor(step: int, n_steps: int) -> float:
        with blame_own_code(Path(), KEY):
            value = function(step, n_steps)
        return _checked(value, f"{KEY}: {what}", step, n_steps)

    steps = sorted({*range(0, n_steps, max(1, n_steps // MAX_TRIED_STEPS)), max(0, n_steps - 1)})
    forwards = [factor(step, n_steps) for step in steps]
    for step, value in reversed(list(zip(steps, forwards, strict=True))):
        if factor(step, n_steps) != value:
            raise InputError(
                f"{KEY}: {what} must return the same factor each time, got {value:g} and another one "
                f"at step {step} of {n_steps}; compute it from step and n_steps only"
            )
    return factor


def _checked(value: Any, head: str, step: int, n_steps: int) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value < 0:
        raise InputError(f"{head} must return a number of at least 0, got {_text(value)} at step {step} of {n_steps}")
    return float(value)


def _text(value: Any) -> str:
    return f"{type(value).__name__} {value!r:.60}" if value is not None else "None"
