"""The metrics of the user's own that params.yaml names."""

from collections.abc import Sequence

import numpy as np

from relight.data.schema import Task
from relight.errors import RelightError, RunError
from relight.evaluate.inputs import LabelledRows
from relight.evaluate.params import EvaluateParams
from relight.metrics.classification import Scores
from relight.metrics.own import OwnMetric, load_metric
from relight.metrics.own_scores import own_scores


def load_own_metrics(params: EvaluateParams) -> list[OwnMetric]:
    """Return the metrics of evaluate.metrics.

    Raises:
        RelightError: with each that is not in the project, cannot be imported, or does not take its arguments.
    """
    loaded, errors = [], []
    for index, call in enumerate(params.metrics):
        try:
            key = f"evaluate.metrics.{index}"
            loaded.append(load_metric(call, name=call.score_name, better=call.better, key=key))
        except RelightError as error:
            errors.append(error)
    if errors:
        kind = RunError if any(isinstance(error, RunError) for error in errors) else type(errors[0])
        raise kind(*dict.fromkeys(problem for error in errors for problem in error.problems))
    return loaded


def weight_notes(
    own: Sequence[OwnMetric], task: Task, rows: LabelledRows, y_pred: np.ndarray, scores: Scores
) -> list[str]:
    """Return a sentence for each own score that the weights of the rows do not change.

    Args:
        scores: of these rows, with their weights.
    """
    if rows.weight is None or len(np.unique(rows.weight)) == 1:
        return []
    equal = own_scores(own, task, rows.target, y_pred, None)
    same = [metric.name for metric in own if equal.get(metric.name) == scores.get(metric.name)]
    return [f"{name} is the same with and without the weights of the rows." for name in same]
