"""Tables of what a model said, ready to be written, drawn, and overlaid by `dvc plots diff`.

Every table has the same columns for every task, so that dvc.yaml can name them; one that does not
apply to the task has no rows.
"""

import numpy as np
import polars as pl

from relight.domain.features import Features
from relight.domain.metrics import calibration, roc_curve

FPR_GRID = np.linspace(0, 1, 101)  # where the curves of several classes are averaged
MOST_POINTS = 5_000  # of each part in the picture of a line


def predictions(features: Features, row: np.ndarray, target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """One line for each test row: row, target, prediction, and the probability of each class."""
    if features.classes is None:
        return pl.DataFrame({"row": row, "target": target, "prediction": predicted})
    labels = np.array(features.classes)
    said = {f"probability_{label}": predicted[:, k] for k, label in enumerate(features.classes)}
    return pl.DataFrame({"row": row, "target": labels[target], "prediction": labels[predicted.argmax(axis=1)], **said})


def roc(target: np.ndarray, probabilities: np.ndarray) -> pl.DataFrame:
    """The ROC curve: of the second of two classes, or the mean of each class against the rest."""
    n_classes = probabilities.shape[1]
    present = [k for k in range(n_classes) if 0 < (target == k).sum() < len(target)]
    if n_classes == 2:
        present = [k for k in present if k == 1]
    curves = [roc_curve(target == k, probabilities[:, k]) for k in present]
    if len(curves) == 1:
        false, true = curves[0]
        return pl.DataFrame({"fpr": false, "tpr": true})
    if not curves:
        return no_roc()
    true = np.mean([np.interp(FPR_GRID, false, true) for false, true in curves], axis=0)
    return pl.DataFrame({"fpr": FPR_GRID, "tpr": true})


def reliability(target: np.ndarray, probabilities: np.ndarray) -> pl.DataFrame:
    """Confidence against truth: of the second class where there are two, else of the chosen class."""
    if probabilities.shape[1] == 2:
        bins = calibration(target == 1, probabilities[:, 1])
    else:
        bins = calibration(probabilities.argmax(axis=1) == target, probabilities.max(axis=1))
    return pl.DataFrame(bins, orient="row", schema=no_reliability().schema)


def no_roc() -> pl.DataFrame:
    return pl.DataFrame(schema={"fpr": pl.Float64, "tpr": pl.Float64})


def no_reliability() -> pl.DataFrame:
    return pl.DataFrame(schema={"confidence": pl.Float64, "observed": pl.Float64, "rows": pl.Int64})


def residuals(target: np.ndarray, predicted: np.ndarray) -> pl.DataFrame:
    """How far each test row's prediction is off, over what was predicted."""
    return pl.DataFrame({"prediction": predicted, "residual": predicted - target}, schema=no_residuals().schema)


def no_residuals() -> pl.DataFrame:
    return pl.DataFrame(schema={"prediction": pl.Float32, "residual": pl.Float32})


def no_line() -> pl.DataFrame:
    numbers = dict.fromkeys(("x", "y", "before", "after"), pl.Float32)
    return pl.DataFrame(schema={"part": pl.String, **numbers})


def line(part: str, x: np.ndarray, y: np.ndarray, before: np.ndarray, after: np.ndarray) -> pl.DataFrame:
    """The points of one part, and what the model says of them before and after training."""
    points = {"x": x, "y": y, "before": before, "after": after}
    kept = {name: values[:MOST_POINTS] for name, values in points.items()}
    return pl.DataFrame({"part": [part] * len(kept["x"]), **kept})
