"""What evaluate can say of sequences, and what it cannot."""

import numpy as np

from relight.domain.labelled import LabelledRows
from relight.domain.schema import Task
from relight.errors import InputError
from relight.params.evaluate import EvaluateParams

Arrays = dict[str, np.ndarray]


def assert_evaluate_suits_sequences(params: EvaluateParams) -> None:
    """References, slices and importance look at the columns of one row; a sequence has many.

    Raises:
        InputError: with all that is asked for, and is for tables alone.
    """
    asked = {"references": list(params.references), "slices": list(params.slices), "importance": params.importance}
    problems = [
        f"evaluate.{key}: must be {'0' if key == 'importance' else '[]'} for sequences, however: {value}; "
        "it looks at rows that stand for themselves"
        for key, value in asked.items()
        if value
    ]
    if problems:
        raise InputError(*problems)


def labelled_sequences(task: Task, arrays: Arrays) -> LabelledRows:
    """The targets of one part as split wrote them; what the model sees is left out, for it has no fixed width."""
    target, n = arrays["target"].reshape(-1), len(arrays["target"])
    target = target if task == "regression" else target.astype(np.int64)
    nothing = np.empty((n, 0), dtype=np.float32)
    return LabelledRows(nothing, nothing.astype(np.int32), target, arrays["row"], arrays.get("weight"))
