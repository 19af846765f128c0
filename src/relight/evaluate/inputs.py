"""The inputs of the scores: rows with their true targets, and the predictions of a model for them."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import polars as pl
from torch import Tensor, nn

from relight.data.parquet import read_columns
from relight.data.schema import Task
from relight.errors import RunError
from relight.evaluate.params import EvaluateParams
from relight.model.pipeline import TabularModel, Temperature
from relight.model.saved_model import Description, SequenceModel, TableModel, hash_outputs
from relight.own_code.calls import Call

Arrays = dict[str, np.ndarray]  # the tensors of a part, as split wrote them
Rows = TypeVar("Rows")


class LabelledRows(NamedTuple):
    """Rows with their true targets.

    Attributes:
        numeric: (n_rows, n_numeric) float32, NaN for a gap.
        categories: (n_rows, n_categorical) int32, 0 for a level that train lacks.
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


def labelled_rows(task: Task, arrays: Arrays, target_offset: float = 0.0) -> LabelledRows:
    """Return the rows of a table with their targets, to which their offset is added."""
    target = arrays["target"]
    if task == "regression":
        target = _plus(target.reshape(-1), target_offset)
    elif task == "ranking":
        target = np.column_stack([target.reshape(-1), arrays["query"]]).astype(np.float64)
    elif task != "distribution":
        target = target.reshape(-1).astype(np.int64)
    return LabelledRows(arrays["numeric"], arrays["categories"], target, arrays["row"], arrays.get("weight"))


def _plus(target: np.ndarray, offset: float) -> np.ndarray:
    return target.astype(np.float64) + offset if offset else target


def labelled_sequences(task: Task, arrays: Arrays, target_offset: float = 0.0) -> LabelledRows:
    """Return the targets of sequences, without columns, because sequences have no fixed width."""
    target, n_sequences = arrays["target"].reshape(-1), len(arrays["target"])
    target = _plus(target, target_offset) if task == "regression" else target.astype(np.int64)
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
        network = description.model.name
        own = f", or {network} learns something that it does not save (`relight test {network}` tells)"
        raise RunError(
            "models/model.pth: must give the outputs that the model had before it was saved, got others; it was "
            f"changed, or made on another kind of machine{own if isinstance(network, Call) else ''}. "
            "Run `dvc repro --force train`"
        )


OutputsChange = Callable[[Tensor], Tensor]


class PartPredictions(NamedTuple):
    """Predictions as `predictions_from_outputs` returns them.

    Attributes:
        by_part: for the rows of each part.
        uncalibrated: for the test rows, before the temperature was fitted; None if the model has none.
        by_seed: for the test rows, by the networks of each seed; empty with one seed.
    """

    by_part: dict[str, np.ndarray]
    uncalibrated: np.ndarray | None
    by_seed: list[np.ndarray]


class PredictPart(Protocol):
    """Returns the predictions for the rows of a part; `change` is applied to the raw outputs first."""

    def __call__(self, part: str, change: OutputsChange | None = None) -> np.ndarray: ...


def predict_parts(saved: TableModel | SequenceModel, parts: Iterable[str], predict: PredictPart) -> PartPredictions:
    """Return the predictions for each part, and for the test rows those before the temperature and of each seed."""
    by_part = {part: predict(part) for part in parts}
    temperature = fitted_temperature(saved.model)
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = predict("test", lambda outputs: outputs * temperature)
    n_seeds = saved.description.seeds
    by_seed = [
        predict("test", partial(members_of_seed, n_seeds, seed)) for seed in range(n_seeds if n_seeds > 1 else 0)
    ]
    return PartPredictions(by_part, uncalibrated, by_seed)


def fitted_temperature(model: nn.Module) -> Tensor | None:
    """Return the temperature of the probabilities, or None if none was fitted."""
    if not isinstance(model, TabularModel) or not isinstance(model.target_transform, Temperature):
        return None
    return model.target_transform.temperature if model.target_transform.temperature.item() != 1 else None


def members_of_seed(n_seeds: int, seed: int, outputs: Tensor) -> Tensor:
    """Return the outputs of the members that one seed drew, out of (n_rows, n_seeds * n_members, d_out)."""
    return outputs.chunk(n_seeds, dim=1)[seed]
