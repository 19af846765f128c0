"""The reports: tables of predictions and their errors, and the writing of them with metrics and notes.

Plot draws the tables, and `dvc plots diff` overlays them. Every table has the same columns for every task, so that
dvc.yaml can name them; one that does not apply to the task has no rows.
"""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.evaluate.diagnostics import IMPORTANCE_SCHEMA, SLICES_SCHEMA
from relight.evaluate.inputs import LabelledRows, PartPredictions
from relight.metrics.classification import confidence_and_truth, precision_recall_f1, reliability_bins
from relight.metrics.roc import roc_curve
from relight.runtime.files import write_json

FPR_GRID = np.linspace(0, 1, 101)  # on it the curves of several classes are averaged
MAX_LINE_POINTS = 5_000  # in each part
MAX_FEATURE_PANELS, MAX_PANEL_POINTS = 6, 2_000  # of residuals by feature
SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "importance": IMPORTANCE_SCHEMA,
    "slices": SLICES_SCHEMA,
    "roc": {"fpr": pl.Float64, "tpr": pl.Float64},
    "calibration": {"confidence": pl.Float64, "observed": pl.Float64, "rows": pl.Int64, "when": pl.String},
    "classes": {
        "class": pl.String, "precision": pl.Float64, "recall": pl.Float64, "f1": pl.Float64, "support": pl.Int64,
    },
    "residuals": {"prediction": pl.Float32, "residual": pl.Float32},
    "residuals_by_feature": {"feature": pl.String, "value": pl.Float32, "residual": pl.Float32},
    "line": {"part": pl.String, "x": pl.Float32, "y": pl.Float32, "before": pl.Float32, "after": pl.Float32},
}  # fmt: skip


class Reports(NamedTuple):
    """All that evaluate writes.

    Attributes:
        metrics: the content of metrics.json.
        notes: how far the scores reach, in whole sentences.
        tables: by the name of their file.
    """

    metrics: dict[str, Any]
    notes: list[str]
    tables: dict[str, pl.DataFrame]


def write_reports(reports: Reports, *, metrics: Path, folder: Path) -> None:
    """Write metrics.json, and into a new folder notes.json and a CSV for each table."""
    write_json(metrics, reports.metrics)
    folder.mkdir()
    write_json(folder / "notes.json", {"notes": reports.notes})
    for name, table in {**empty_tables(), **reports.tables}.items():
        (folder / f"{name}.csv").write_text(table.write_csv())


def empty_tables() -> dict[str, pl.DataFrame]:
    """Return the tables that are written for every kind of data, without rows."""
    return {name: pl.DataFrame(schema=schema) for name, schema in SCHEMAS.items()}


def predictions_table(features: Features, row: np.ndarray, target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """Return one line for each test row: row, target, prediction, and the probability of each class.

    For a distribution, target and prediction are the class with the largest share, and each true share follows.
    """
    if features.classes is None:
        return pl.DataFrame({"row": row, "target": target, "prediction": predicted})
    labels, shares = np.array(features.classes), {}
    if features.task == "distribution":
        shares = {f"target_{label}": target[:, k] for k, label in enumerate(features.classes)}
        target = target.argmax(axis=1)
    probabilities = {f"probability_{label}": predicted[:, k] for k, label in enumerate(features.classes)}
    chosen = {"row": row, "target": labels[target], "prediction": labels[predicted.argmax(axis=1)]}
    return pl.DataFrame({**chosen, **probabilities, **shares})


def roc_table(target: np.ndarray, probabilities: np.ndarray, weight: np.ndarray | None = None) -> pl.DataFrame:
    """Return the ROC curve of the second of two classes, or the mean of each class against the rest."""
    n_classes = probabilities.shape[1]
    present = [k for k in range(n_classes) if 0 < (target == k).sum() < len(target)]
    if n_classes == 2:
        present = [k for k in present if k == 1]
    curves = [roc_curve(target == k, probabilities[:, k], weight) for k in present]
    if len(curves) == 1:
        false, true = curves[0]
        return pl.DataFrame({"fpr": false, "tpr": true})
    if not curves:
        return pl.DataFrame(schema=SCHEMAS["roc"])
    true = np.mean([np.interp(FPR_GRID, false, true) for false, true in curves], axis=0)
    return pl.DataFrame({"fpr": FPR_GRID, "tpr": true})


def reliability_table(
    target: np.ndarray,
    probabilities: np.ndarray,
    weight: np.ndarray | None = None,
    when: Literal["before", "after"] = "before",
) -> pl.DataFrame:
    """Return confidence against truth, before or after the temperature was fitted.

    It is the confidence in the second class if there are two, else in the predicted class.
    """
    bins = reliability_bins(*confidence_and_truth(target, probabilities), weight)
    return pl.DataFrame([(*bin_, when) for bin_ in bins], orient="row", schema=SCHEMAS["calibration"])


def class_tables(features: Features, test: LabelledRows, predictions: PartPredictions) -> dict[str, pl.DataFrame]:
    """Return the tables of classes; none for other tasks."""
    if features.task not in ("binary", "multiclass"):
        return {}
    target, predicted, weight = test.target, predictions.by_part["test"], test.weight
    curves = [reliability_table(target, predicted, weight)]
    if predictions.uncalibrated is not None:
        before = reliability_table(target, predictions.uncalibrated, weight)
        curves = [before, reliability_table(target, predicted, weight, "after")]
    return {
        "roc": roc_table(target, predicted, weight),
        "calibration": pl.concat(curves),
        "classes": class_scores_table(features, target, predicted, weight),
    }


def class_scores_table(
    features: Features, target: np.ndarray, probabilities: np.ndarray, weight: np.ndarray | None = None
) -> pl.DataFrame:
    """Return precision, recall, F1 and the number of rows of each class; empty if one is not defined."""
    labels = features.classes or []
    counts = np.bincount(target * len(labels) + probabilities.argmax(axis=1), weight, len(labels) ** 2)
    columns = zip(
        ("precision", "recall", "f1"), precision_recall_f1(counts.reshape(len(labels), len(labels))), strict=True
    )
    measured = {name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in columns}
    return pl.DataFrame({"class": labels, **measured, "support": np.bincount(target, minlength=len(labels))})


def residuals_table(target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """Return the error of each test row's prediction, over the prediction."""
    return pl.DataFrame({"prediction": predicted, "residual": predicted - target}, schema=SCHEMAS["residuals"])


def feature_residuals_table(
    features: Features, ranking: list[str], numeric: np.ndarray, target: np.ndarray, predicted: np.ndarray
) -> pl.DataFrame:
    """Return the residuals over the numeric features of the first columns of a ranking: at most 6 of 2,000 rows each.

    For a date, the feature is the time that has passed.
    """
    shown = [index for column in ranking if (index := _feature_index(features, column)) is not None][
        :MAX_FEATURE_PANELS
    ]
    rows = np.unique(np.linspace(0, len(target) - 1, MAX_PANEL_POINTS).astype(int))
    residual = (predicted - target)[rows]
    panels = [
        pl.DataFrame({"feature": features.numeric[k].shown_name, "value": numeric[rows, k], "residual": residual})
        for k in shown
    ]
    numbers = pl.col("value", "residual").cast(pl.Float32).fill_nan(None)
    return pl.concat(
        [pl.DataFrame(schema=SCHEMAS["residuals_by_feature"]), *(panel.with_columns(numbers) for panel in panels)]
    )


def _feature_index(features: Features, column: str) -> int | None:
    indices = [
        k
        for k, f in enumerate(features.numeric)
        if f.column == column and f.date_part in (None, "elapsed") and f.std > 0
    ]
    return indices[0] if indices else None


def line_table(part: str, x: np.ndarray, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> pl.DataFrame:
    """Return the points of one part, and the predictions for them before and after training."""
    points = {"x": x, "y": y, "before": before, "after": after}
    kept = {name: values[:MAX_LINE_POINTS] for name, values in points.items()}
    return pl.DataFrame({"part": [part] * len(kept["x"]), **kept})
