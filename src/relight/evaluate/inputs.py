"""Paths, labelled rows, model proof.

One part of the table with its truth, as scores and references take it.

What evaluate reads of the data, and what it writes.

The reloaded model is the trained one.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from relight.data.schema import Task
from relight.errors import RunError
from relight.model.saved_model import Description, hash_outputs

Arrays = dict[str, np.ndarray]


class LabelledRows(NamedTuple):
    """
    Attributes:
        numeric: (n_rows, n_numeric) float32, NaN for a gap.
        categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level.
        target: (n_rows,) numbers or int64 class codes; for a distribution (n_rows, n_classes);
            for a ranking (n_rows, 2) float64: relevance, and the number of the query.
        row: (n_rows,) each row's place in the prepared table.
        weight: (n_rows,) of the rows, or None.
    """

    numeric: np.ndarray
    categories: np.ndarray
    target: np.ndarray
    row: np.ndarray
    weight: np.ndarray | None

    def take(self, indices: np.ndarray) -> "LabelledRows":
        """Some of the rows: places or a mask."""
        numeric, categories, target, row = (array[indices] for array in self[:4])
        return LabelledRows(numeric, categories, target, row, None if self.weight is None else self.weight[indices])


def labelled_rows(task: Task, arrays: dict[str, np.ndarray]) -> LabelledRows:
    """The arrays of one part as split wrote them."""
    target = arrays["target"]
    if task == "regression":
        target = target.reshape(-1)
    elif task == "ranking":
        target = np.column_stack([target.reshape(-1), arrays["query"]]).astype(np.float64)
    elif task != "distribution":
        target = target.reshape(-1).astype(np.int64)
    return LabelledRows(arrays["numeric"], arrays["categories"], target, arrays["row"], arrays.get("weight"))


def labelled_sequences(task: Task, arrays: Arrays) -> LabelledRows:
    """The targets of one part as split wrote them; what the model sees is left out, for it has no fixed width."""
    target, n = arrays["target"].reshape(-1), len(arrays["target"])
    target = target if task == "regression" else target.astype(np.int64)
    nothing = np.empty((n, 0), dtype=np.float32)
    return LabelledRows(nothing, nothing.astype(np.int32), target, arrays["row"], arrays.get("weight"))


class EvaluateFiles(NamedTuple):
    """
    Attributes:
        table: the clean rows, as prepare wrote them.
        train, validation, test: the tensors of each part.
        metrics: the scores of every part.
        reports: a new folder for tables of what the model says of the test rows.
    """

    table: Path
    train: Path
    validation: Path
    test: Path
    metrics: Path
    reports: Path


def assert_same_outputs(outputs: Tensor, description: Description) -> None:
    """The reloaded weights say, bit for bit, what the trained ones said before they were saved.

    Args:
        outputs: for the validation rows.

    Raises:
        RunError: when they do not.
    """
    if hash_outputs(outputs) != description.output_sha256:
        raise RunError(
            "models/model.pth: does not say what the model said before it was saved; it was changed, or made "
            "on another kind of machine. Run `dvc repro --force train`"
        )
