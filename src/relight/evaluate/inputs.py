"""What evaluate reads of a part: rows with their true targets, as scores and references take them."""

from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
from torch import Tensor

from relight.data.parquet import read_columns
from relight.data.schema import Task
from relight.errors import RunError
from relight.evaluate.params import EvaluateParams
from relight.model.saved_model import Description, hash_outputs

Arrays = dict[str, np.ndarray]  # the tensors of a part, as split wrote them
Rows = TypeVar("Rows")


class LabelledRows(NamedTuple):
    """Rows with their true targets.

    Attributes:
        numeric: (n_rows, n_numeric) float32, NaN for a gap.
        categories: (n_rows, n_categorical) int32, 0 for a gap or an unknown level.
        target: (n_rows,) numbers or int64 class codes; for a distribution (n_rows, n_classes);
            for a ranking (n_rows, 2) float64: relevance, and the number of the query.
        row: (n_rows,) the index of each row in the prepared table.
        weight: (n_rows,) sample weights, or None.
    """

    numeric: np.ndarray
    categories: np.ndarray
    target: np.ndarray
    row: np.ndarray
    weight: np.ndarray | None

    def take(self, indices: np.ndarray) -> "LabelledRows":
        """Return some of the rows, by indices or a mask."""
        numeric, categories, target, row = (array[indices] for array in self[:4])
        return LabelledRows(numeric, categories, target, row, None if self.weight is None else self.weight[indices])


LabelledParts = dict[str, LabelledRows]  # train, test, and validation unless the test rows stand in for it


def labelled_rows(task: Task, arrays: Arrays) -> LabelledRows:
    """Return the rows of a table with their targets."""
    target = arrays["target"]
    if task == "regression":
        target = target.reshape(-1)
    elif task == "ranking":
        target = np.column_stack([target.reshape(-1), arrays["query"]]).astype(np.float64)
    elif task != "distribution":
        target = target.reshape(-1).astype(np.int64)
    return LabelledRows(arrays["numeric"], arrays["categories"], target, arrays["row"], arrays.get("weight"))


def labelled_sequences(task: Task, arrays: Arrays) -> LabelledRows:
    """Return the targets of sequences, without columns, because sequences have no fixed width."""
    target, n_sequences = arrays["target"].reshape(-1), len(arrays["target"])
    target = target if task == "regression" else target.astype(np.int64)
    nothing = np.empty((n_sequences, 0), dtype=np.float32)
    return LabelledRows(nothing, nothing.astype(np.int32), target, arrays["row"], arrays.get("weight"))


def labelled_pairs(arrays: Arrays) -> LabelledRows:
    """Return the left records of pairs, with the targets of the pairs."""
    target = arrays["target"].reshape(-1).astype(np.int64)
    return LabelledRows(arrays["left_numeric"], arrays["left_categories"], target, arrays["row"], arrays.get("weight"))


def scored_parts(parts: dict[str, Rows], description: Description) -> dict[str, Rows]:
    """Return the parts, without the validation part if the test rows stand in for it."""
    stands_in = description.features.validates_on_test
    return {part: rows for part, rows in parts.items() if part != "validation" or not stands_in}


def sliced_columns(params: EvaluateParams, table: Path, rows: LabelledRows) -> pl.DataFrame:
    """Return the columns of evaluate.slices for some rows; no column if there are no slices."""
    return read_columns(table, params.slices)[rows.row] if params.slices else pl.DataFrame()


def assert_same_outputs(outputs: Tensor, description: Description) -> None:
    """Check that the reloaded weights give, bit for bit, the outputs of the trained model before it was saved.

    Args:
        outputs: for the validation rows.

    Raises:
        RunError: if they do not.
    """
    if hash_outputs(outputs) != description.output_sha256:
        raise RunError(
            "models/model.pth: must give the outputs that the model had before it was saved, got others; it was "
            "changed, or made on another kind of machine. Run `dvc repro --force train`"
        )
