"""One part of the table with its truth, as scores and references take it."""

from typing import NamedTuple

import numpy as np

from relight.domain.schema import Task


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

    def at(self, places: np.ndarray) -> "LabelledRows":
        """Some of the rows: places or a mask."""
        numeric, categories, target, row = (array[places] for array in self[:4])
        return LabelledRows(numeric, categories, target, row, None if self.weight is None else self.weight[places])


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
