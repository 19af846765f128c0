"""A metric of the user's own: loaded from the project, called as its contract says, its result checked."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relight.errors import InputError, RelightError
from relight.metrics.direction import Better
from relight.own_code.calls import Call
from relight.own_code.closure import file_digests, own_files
from relight.own_code.loading import as_function, assert_takes, described, load
from relight.own_code.project import TORCH_MODULES
from relight.runtime.tracebacks import blame_own_code

ARGUMENTS = ("y_true", "y_pred", "sample_weight")
READ_BY_RELIGHT = ("better", "name")  # next to `call`; no settings


class OwnMetric(NamedTuple):
    """A metric by the name of its score.

    Attributes:
        key: the setting that holds its call, for messages.
        function: (y_true, y_pred, sample_weight) → float.
        described: the function with its file and line, for messages.
        files: the SHA-256 of each file of the project that it runs, by its path.
    """

    name: str
    better: Better
    key: str
    call: Call
    function: Callable[..., Any]
    described: str
    files: dict[str, str]

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray) -> float:
        """Return the score; not finite if it is not defined for these rows.

        Raises:
            RelightError: if it raises an exception, or returns something else than one number.
        """
        arrays = [_read_only(array) for array in (y_true, y_pred, sample_weight)]
        try:
            with blame_own_code(Path(), self.key):
                result = self.function(*arrays)
        except RelightError:
            raise
        except Exception as error:  # raised by a library that it calls, or is
            raise InputError(f"{self.key}: {self.described}: {type(error).__name__}: {error}") from error
        number = result.item() if isinstance(result, np.generic | np.ndarray) and result.ndim == 0 else result
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"{self.key}: {self.described} must return one number, got {_result_text(result)}")
        return float(number)

    def entry(self) -> dict[str, Any]:
        """Return what metrics.json says of it."""
        better = self.better if isinstance(self.better, str) else float(self.better)
        call = {"call": self.call.call, "settings": self.call.settings}
        return {"name": self.name, "better": better, **call, "files": self.files}


def load_metric(call: Call, *, name: str, better: Better, key: str, root: Path = Path()) -> OwnMetric:
    """Return the metric that a call names.

    Args:
        key: the setting that holds it, as `evaluate.metrics.0`.
        root: the project's folder.

    Raises:
        RelightError: if it is not in the project, cannot be imported, or does not take its arguments.
    """
    if call.module in TORCH_MODULES:
        raise InputError(f"{key}: must be a function of this project, got {call}, which reads tensors")
    target = load(call, key, root)
    described_target, parameters = described(target, call), _parameters(target)
    taken = [each for each in READ_BY_RELIGHT if _is_needed(parameters.get(each))]
    if taken:
        problems = [f"{key}: {described_target} must not need {each}, which Relight reads itself" for each in taken]
        raise InputError(*(f"{problem}; give the argument another name" for problem in problems))
    settings = Call.model_construct(call=call.call, **call.settings)
    files = file_digests(own_files(call, root), root)
    function = _as_metric(target, settings, key, parameters.get(ARGUMENTS[-1]))
    return OwnMetric(name, better, key, settings, function, described_target, files)


def _as_metric(target: Any, call: Call, key: str, weight: inspect.Parameter | None) -> Callable[..., Any]:
    if weight is None or weight.kind is not weight.KEYWORD_ONLY:
        return as_function(target, call, key, *ARGUMENTS)
    assert_takes(target, call, key, ARGUMENTS[:-1], {ARGUMENTS[-1]: None})  # as those of scikit-learn do
    return partial(_by_keyword, partial(target, **call.settings))


def _parameters(target: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(target).parameters)
    except (TypeError, ValueError):  # written in C
        return {}


def _is_needed(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and parameter.default is parameter.empty


def _by_keyword(function: Callable[..., Any], y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> Any:
    return function(y_true, y_pred, sample_weight=weight)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that refuses changes, so that a metric cannot change the scores after it."""
    view = array.view()
    view.flags.writeable = False
    return view


def _result_text(result: Any) -> str:
    if isinstance(result, np.ndarray):
        return f"an array of shape {result.shape}"
    return f"{type(result).__name__} {result!r:.40}" if result is not None else "None; it has no `return`?"
