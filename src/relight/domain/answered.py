"""The test rows of a run as scores take them, from the table of its predictions."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from relight.domain.schema import Task

NAMES = ("row", "id", "query", "time", "series", "ahead")  # what says which row it is, by task
SHARE = "probability_"
TRUE_SHARE = "target_"


class Answered(NamedTuple):
    """
    Attributes:
        rows: the columns that say which row each is, and its target, as texts.
        target, predicted: as `scorer_for` takes them.
        says: the prediction as a person reads it, (n_rows,) texts.
        weight: (n_rows,) of the rows, or None.
    """

    task: Task
    rows: pl.DataFrame
    target: np.ndarray
    predicted: np.ndarray
    says: list[str]
    weight: np.ndarray | None


def task_of(metrics: dict[str, Any]) -> Task | None:
    """By the scores that only one task has; `multiclass` for classes of any number; None where nothing is said."""
    scores = metrics.get("test", {})
    if "threshold_distance" in metrics:
        return "similarity"
    marks: dict[str, Task] = {
        "smape": "forecast", "ndcg@10": "ranking", "kl_divergence": "distribution", "log_loss": "multiclass",
        "rmse": "regression",
    }  # fmt: skip
    return next((task for mark, task in marks.items() if mark in scores), None)


def answered(task: Task, table: pl.DataFrame, weight: np.ndarray | None, threshold: float | None) -> Answered:
    """
    Args:
        table: predictions.csv, its values as texts.
        threshold: of the distance of pairs.

    Raises:
        ValueError, polars errors: when the table is not one of this task.
    """
    rows = table.select([name for name in (*NAMES, "target") if name in table.columns])
    target, predicted, says = _values(task, table, threshold)
    if weight is not None and len(weight) != len(target):
        raise ValueError("the weights are not those of the rows")
    return Answered(task, rows, target, predicted, says, weight)


def _values(task: Task, table: pl.DataFrame, threshold: float | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    says = table["prediction"].to_list()
    match task:
        case "regression" | "forecast":
            return _numbers(table, "target"), _numbers(table, "prediction"), says
        case "ranking":
            query = table["query"].fill_null("").rank("dense").to_numpy().astype(np.float64) - 1
            return np.column_stack([_numbers(table, "target"), query]), _numbers(table, "prediction"), says
        case "similarity":
            assert threshold is not None
            distance = _numbers(table, "distance")
            # Of two labels the second says that the records are alike; those at the threshold or nearer are said to be.
            alike = _label_of_near(table, distance <= threshold)
            is_alike = (table["target"] == alike).to_numpy().astype(np.int64)
            return is_alike, threshold - distance, table["similarity"].to_list()
        case "binary" | "multiclass" | "distribution":
            labels = [name.removeprefix(SHARE) for name in table.columns if name.startswith(SHARE)]
            shares = np.column_stack([_numbers(table, SHARE + label) for label in labels])
            if task == "distribution":
                return np.column_stack([_numbers(table, TRUE_SHARE + label) for label in labels]), shares, says
            place = {label: k for k, label in enumerate(labels)}
            return np.array([place[label] for label in table["target"]]), shares, says


def _label_of_near(table: pl.DataFrame, near: np.ndarray) -> str | None:
    said = table["prediction"].filter(pl.Series(near)).unique()
    if len(said) == 1:
        return str(said[0])
    far = set(table["prediction"].filter(pl.Series(~near)).to_list())
    return next((label for label in sorted(set(table["target"].to_list())) if label not in far), None)


def _numbers(table: pl.DataFrame, name: str) -> np.ndarray:
    return table[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()


def same_rows(one: Answered, other: Answered) -> bool:
    """Whether both were asked about the same rows, with the same truth, in the same order."""
    return one.rows.equals(other.rows) and np.array_equal(one.target, other.target, equal_nan=True)
