"""Predictions, ROC, reliability, residual tables.

Tables of what a model said of the candidates of each query.

Tables of what a model said, ready to be written, drawn, and overlaid by `dvc plots diff`.

Every table has the same columns for every task, so that dvc.yaml can name them; one that does not
apply to the task has no rows.
"""

from typing import Literal

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.evaluate.inputs import LabelledRows
from relight.metrics.classification import confidence_and_truth, precision_recall_f1, reliability_bins
from relight.metrics.ranking import query_scores
from relight.metrics.roc import roc_curve

QUERY_SCORE = "ndcg@10"
FPR_GRID = np.linspace(0, 1, 101)  # where the curves of several classes are averaged
MAX_LINE_POINTS = 5_000  # of each part in the picture of a line
MAX_FEATURE_PANELS, MAX_PANEL_POINTS = 6, 2_000  # of residuals by feature


def candidates_table(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """One line for each test row: row, query, target (its relevance), prediction (its score)."""
    columns = {"row": test.row, "query": query, "target": test.target[:, 0], "prediction": predicted}
    return pl.DataFrame(columns)


def queries_table(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """One line for each query, in the order of first appearance: query, candidates, ndcg@10.

    Empty where every order is as good.
    """
    scores_of_queries = query_scores(test.target, predicted)
    score = np.full(len(scores_of_queries.first_row), np.nan)
    score[scores_of_queries.is_measured] = scores_of_queries.scores.get(QUERY_SCORE, np.nan)
    columns = {"query": query[scores_of_queries.first_row], "candidates": scores_of_queries.n_candidates}
    return pl.DataFrame({**columns, QUERY_SCORE: pl.Series(score).fill_nan(None)})


def predictions_table(features: Features, row: np.ndarray, target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """One line for each test row: row, target, prediction, and the probability of each class.

    Of a distribution, target and prediction are the class with the largest share, and each true share follows.
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
    """The ROC curve: of the second of two classes, or the mean of each class against the rest."""
    n_classes = probabilities.shape[1]
    present = [k for k in range(n_classes) if 0 < (target == k).sum() < len(target)]
    if n_classes == 2:
        present = [k for k in present if k == 1]
    curves = [roc_curve(target == k, probabilities[:, k], weight) for k in present]
    if len(curves) == 1:
        false, true = curves[0]
        return pl.DataFrame({"fpr": false, "tpr": true})
    if not curves:
        return empty_roc_table()
    true = np.mean([np.interp(FPR_GRID, false, true) for false, true in curves], axis=0)
    return pl.DataFrame({"fpr": FPR_GRID, "tpr": true})


def reliability_table(
    target: np.ndarray,
    probabilities: np.ndarray,
    weight: np.ndarray | None = None,
    when: Literal["before", "after"] = "before",
) -> pl.DataFrame:
    """Confidence against truth, before or after the temperature was fitted.

    Of the second class where there are two, else of the chosen class.
    """
    bins = reliability_bins(*confidence_and_truth(target, probabilities), weight)
    return pl.DataFrame([(*bin_, when) for bin_ in bins], orient="row", schema=empty_reliability_table().schema)


def class_scores_table(
    features: Features, target: np.ndarray, probabilities: np.ndarray, weight: np.ndarray | None = None
) -> pl.DataFrame:
    """Precision, recall, F1 and the number of rows of each class; empty where one is not defined."""
    labels = features.classes or []
    counts = np.bincount(target * len(labels) + probabilities.argmax(axis=1), weight, len(labels) ** 2)
    columns = zip(
        ("precision", "recall", "f1"), precision_recall_f1(counts.reshape(len(labels), len(labels))), strict=True
    )
    measured = {name: pl.Series(values, dtype=pl.Float64).fill_nan(None) for name, values in columns}
    return pl.DataFrame({"class": labels, **measured, "support": np.bincount(target, minlength=len(labels))})


def empty_class_scores_table() -> pl.DataFrame:
    measured = dict.fromkeys(("precision", "recall", "f1"), pl.Float64)
    return pl.DataFrame(schema={"class": pl.String, **measured, "support": pl.Int64})


def empty_roc_table() -> pl.DataFrame:
    return pl.DataFrame(schema={"fpr": pl.Float64, "tpr": pl.Float64})


def empty_reliability_table() -> pl.DataFrame:
    return pl.DataFrame(schema={"confidence": pl.Float64, "observed": pl.Float64, "rows": pl.Int64, "when": pl.String})


def residuals_table(target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """How far each test row's prediction is off, over what was predicted."""
    return pl.DataFrame(
        {"prediction": predicted, "residual": predicted - target}, schema=empty_residuals_table().schema
    )


def empty_residuals_table() -> pl.DataFrame:
    return pl.DataFrame(schema={"prediction": pl.Float32, "residual": pl.Float32})


def feature_residuals_table(
    features: Features, ranking: list[str], numeric: np.ndarray, target: np.ndarray, predicted: np.ndarray
) -> pl.DataFrame:
    """The residuals over the numeric features of the first columns of a ranking: at most 6, at most 2,000 rows each.

    Of a date it is the time that has passed.
    """
    shown = [index for column in ranking if (index := _feature_index(features, column)) is not None][
        :MAX_FEATURE_PANELS
    ]
    rows = np.unique(np.linspace(0, len(target) - 1, MAX_PANEL_POINTS).astype(int))
    residual = (predicted - target)[rows]
    panels = [
        pl.DataFrame({"feature": features.numeric[k].name, "value": numeric[rows, k], "residual": residual})
        for k in shown
    ]
    numbers = pl.col("value", "residual").cast(pl.Float32).fill_nan(None)
    return pl.concat([empty_feature_residuals_table(), *(panel.with_columns(numbers) for panel in panels)])


def empty_feature_residuals_table() -> pl.DataFrame:
    return pl.DataFrame(schema={"feature": pl.String, "value": pl.Float32, "residual": pl.Float32})


def _feature_index(features: Features, column: str) -> int | None:
    indices = [
        k
        for k, f in enumerate(features.numeric)
        if f.column == column and f.date_part in (None, "elapsed") and f.std > 0
    ]
    return indices[0] if indices else None


def empty_line_table() -> pl.DataFrame:
    numbers = dict.fromkeys(("x", "y", "before", "after"), pl.Float32)
    return pl.DataFrame(schema={"part": pl.String, **numbers})


def line_table(part: str, x: np.ndarray, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> pl.DataFrame:
    """The points of one part, and what the model says of them before and after training."""
    points = {"x": x, "y": y, "before": before, "after": after}
    kept = {name: values[:MAX_LINE_POINTS] for name, values in points.items()}
    return pl.DataFrame({"part": [part] * len(kept["x"]), **kept})
