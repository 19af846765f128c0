"""A metric of the user's own: loaded from the project, called as its contract says, its result checked."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relight.errors import InputError
from relight.metrics.direction import Better
from relight.own_code.calls import Call
from relight.own_code.closure import file_digests, own_files
from relight.own_code.loading import described, load
from relight.own_code.metrics import as_metric, call_metric, parameters
from relight.own_code.project import TORCH_MODULES

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
            RunError: if it raises an exception, or returns something else than one number.
        """
        return call_metric(self.function, y_true, y_pred, sample_weight, key=self.key, described=self.described)

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
    described_target = described(target, call)
    taken = [each for each in READ_BY_RELIGHT if _is_needed(parameters(target).get(each))]
    if taken:
        problems = [f"{key}: {described_target} must not need {each}, which Relight reads itself" for each in taken]
        raise InputError(*(f"{problem}; give the argument another name" for problem in problems))
    settings = Call.model_construct(call=call.call, **call.settings)
    files = file_digests(own_files(call, root), root)
    function = as_metric(target, settings, key)
    return OwnMetric(name, better, key, settings, function, described_target, files)


def _is_needed(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and parameter.default is parameter.empty
