"""The test predictions of a run, read from DVC's cache, as scorers take them.

What is missing in the cache or damaged there is an error, never used.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import Task
from relight.data.tensors import read_tensors
from relight.errors import RelightError, RunError
from relight.repository.objects import folder_files, is_intact, object_path

ROW_KEY_COLUMNS = (
    "row",
    "id",
    "query",
    "time",
    "series",
    "ahead",
)  # identify a row, by task
PROBABILITY_PREFIX = "probability_"
TARGET_PREFIX = "target_"
REPORTS_FOLDER, CURVES_PATH, TEST_TENSORS_PATH = (
    "reports/evaluate",
    "reports/train/curves.csv",
    "data/split/test.safetensors",
)


class RunPredictions(NamedTuple):
    """The test predictions of one run.

    Attributes:
        row_keys: (n_rows,) the columns that identify each row, and its target, as texts.
        y_true, y_pred: as `build_scorer` takes them.
        prediction_texts: (n_rows,) the predictions as texts.
        sample_weight: (n_rows,), or None.
    """

    task: Task
    row_keys: pl.DataFrame
    y_true: np.ndarray
    y_pred: np.ndarray
    prediction_texts: list[str]
    sample_weight: np.ndarray | None


def task_from_metrics(metrics: dict[str, Any]) -> Task | None:
    """Return the task whose scores these are; `multiclass` for any number of classes; None without scores."""
    scores = metrics.get("test", {})
    if "threshold_distance" in metrics:
        return "similarity"
    marks: dict[str, Task] = {
        "smape": "forecast", "ndcg@10": "ranking", "kl_divergence": "distribution", "log_loss": "multiclass",
        "rmse": "regression",
    }  # fmt: skip
    return next((task for mark, task in marks.items() if mark in scores), None)


def parse_test_predictions(
    task: Task, table: pl.DataFrame, sample_weight: np.ndarray | None, threshold: float | None
) -> RunPredictions:
    """Return the predictions in a table.

    Args:
        table: predictions.csv, its values as texts.
        sample_weight: (n_rows,), or None.
        threshold: distance up to which pairs are predicted alike; None for other tasks.

    Raises:
        ValueError, polars errors: if the table is not one of this task.
    """
    rows = table.select([name for name in (*ROW_KEY_COLUMNS, "target") if name in table.columns])
    y_true, y_pred, texts = _values(task, table, threshold)
    if sample_weight is not None and len(sample_weight) != len(y_true):
        raise ValueError("the weights are not those of the rows")
    return RunPredictions(task, rows, y_true, y_pred, texts, sample_weight)


def _values(task: Task, table: pl.DataFrame, threshold: float | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    texts = table["prediction"].to_list()
    match task:
        case "regression" | "forecast":
            return _numbers(table, "target"), _numbers(table, "prediction"), texts
        case "ranking":
            query = table["query"].fill_null("").rank("dense").to_numpy().astype(np.float64) - 1
            return np.column_stack([_numbers(table, "target"), query]), _numbers(table, "prediction"), texts
        case "similarity":
            assert threshold is not None
            distance = _numbers(table, "distance")
            alike = _positive_label(table, distance <= threshold)
            is_alike = (table["target"] == alike).to_numpy().astype(np.int64)
            return is_alike, threshold - distance, table["similarity"].to_list()
        case "binary" | "multiclass" | "distribution":
            labels = [
                name.removeprefix(PROBABILITY_PREFIX) for name in table.columns if name.startswith(PROBABILITY_PREFIX)
            ]
            shares = np.column_stack([_numbers(table, PROBABILITY_PREFIX + label) for label in labels])
            if task == "distribution":
                return np.column_stack([_numbers(table, TARGET_PREFIX + label) for label in labels]), shares, texts
            class_index = {label: k for k, label in enumerate(labels)}
            return np.array([class_index[label] for label in table["target"]]), shares, texts


def _positive_label(table: pl.DataFrame, near: np.ndarray) -> str | None:
    """Return the label of alike pairs: it is predicted for those at the threshold or nearer."""
    labels = table["prediction"].filter(pl.Series(near)).unique()
    if len(labels) == 1:
        return str(labels[0])
    far = set(table["prediction"].filter(pl.Series(~near)).to_list())
    return next((label for label in sorted(set(table["target"].to_list())) if label not in far), None)


def _numbers(table: pl.DataFrame, name: str) -> np.ndarray:
    return table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def have_same_rows(baseline: RunPredictions, candidate: RunPredictions) -> bool:
    """Return whether both have the same rows, with the same truth, in the same order."""
    return baseline.row_keys.equals(candidate.row_keys) and np.array_equal(
        baseline.y_true, candidate.y_true, equal_nan=True
    )


def cached_predictions(cache: Path, objects: dict[str, str]) -> pl.DataFrame:
    """Return predictions.csv as texts.

    Raises:
        RunError: if the run wrote none, or it is missing in the cache or damaged.
    """
    folder = _object_of(objects, REPORTS_FOLDER)
    _intact(cache, folder, REPORTS_FOLDER)
    listed = folder_files(cache, folder)
    return _table(cache, _object_of(listed, "predictions.csv"), "predictions.csv")


def cached_curves(cache: Path, objects: dict[str, str]) -> pl.DataFrame:
    """Return curves.csv as texts.

    Raises:
        RunError: as above.
    """
    return _table(cache, _object_of(objects, CURVES_PATH), CURVES_PATH)


def cached_weights(cache: Path, objects: dict[str, str]) -> np.ndarray | None:
    """Return the weights of the test rows, (n_rows,); None if there are none.

    Raises:
        RunError: as above.
    """
    try:
        return read_tensors(_intact(cache, _object_of(objects, TEST_TENSORS_PATH), TEST_TENSORS_PATH)).get("weight")
    except RelightError as error:
        raise RunError(str(error)) from error


def _table(cache: Path, md5: str, name: str) -> pl.DataFrame:
    try:
        return pl.read_csv(_intact(cache, md5, name), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise RunError(f"{name}: is not a table") from error


def _intact(cache: Path, md5: str, name: str) -> Path:
    if not is_intact(cache, md5):
        raise RunError(f"{name} is missing in the cache or damaged there; `dvc pull` or `dvc exp pull` brings it")
    return cache / object_path(md5)


def _object_of(objects: dict[str, str], path: str) -> str:
    if path not in objects:
        raise RunError(f"{path}: is not in dvc.lock")
    return objects[path]
