"""Reference models of scikit-learn, fitted on the same train rows: a linear model, and gradient boosted trees.

scikit-learn takes 2 CPU seconds to import, so it is imported only if a reference is wanted.
"""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from relight.data.schema import Task
from relight.evaluate.inputs import LabelledRows
from relight.evaluate.params import Reference
from relight.metrics.scorers import compute_scores, primary_metric

MAX_ONE_HOT_LEVELS = 100  # of each category, the most frequent among the train rows
ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0)  # penalties of the ridge regression
INVERSE_PENALTIES = (0.01, 0.1, 1.0, 10.0)  # of the logistic regression
NATIVE_LEVELS = 255  # categories with more levels are taken as ordered numbers
PredictFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]


class DesignMatrix:
    """Turns rows into the numbers of a linear model: standardized, with indicators of gaps and one-hot categories.

    Means, deviations, columns with gaps and levels are those of the train rows.

    Gaps become the mean, and an indicator for each column that has some among the train rows; a column that
    never varies stays at 0. A rare or unknown level is 0 in every column of its category.

    **Shape**
        - numeric: (n_rows, n_numeric), NaN for a gap
        - categories: (n_rows, n_categorical), 0 for a level that train lacks
        - output: (n_rows, d_out) float64
    """

    def __init__(self, numeric: np.ndarray, categories: np.ndarray) -> None:
        gaps = np.isnan(numeric)
        counts = np.maximum((~gaps).sum(axis=0), 1)
        self.mean = np.where(gaps, 0, numeric).sum(axis=0, dtype=np.float64) / counts
        centred = np.where(gaps, 0, numeric - self.mean)
        std = np.sqrt((centred**2).sum(axis=0, dtype=np.float64) / counts)
        self.scale = np.where(std > 1e-12 * np.abs(self.mean), std, np.inf)
        self.scale[std == 0] = np.inf
        self.with_gaps = np.flatnonzero(gaps.any(axis=0))
        self.levels = [_frequent_levels(categories[:, k]) for k in range(categories.shape[1])]

    def __call__(self, numeric: np.ndarray, categories: np.ndarray) -> np.ndarray:
        gaps = np.isnan(numeric)
        scaled = np.where(gaps, 0, numeric - self.mean) / self.scale
        one_hot = [categories[:, [k]] == levels for k, levels in enumerate(self.levels)]
        return np.concatenate([scaled, gaps[:, self.with_gaps], *one_hot], axis=1, dtype=np.float64)


def _frequent_levels(codes: np.ndarray) -> np.ndarray:
    counts = np.bincount(codes)
    counts[0] = 0
    frequent = np.argsort(-counts, kind="stable")[:MAX_ONE_HOT_LEVELS]
    levels: np.ndarray = np.sort(frequent[counts[frequent] > 0])
    return levels


def fit_reference(
    name: Reference, task: Task, train: LabelledRows, validation: LabelledRows | None, n_classes: int, threads: int
) -> PredictFunction | None:
    """Return a fitted reference: (numeric, categories) → numbers (n_rows,) or probabilities (n_rows, n_classes).

    The validation rows choose the penalty of the linear model and the number of trees; without them the penalty is 1,
    and a tenth of the train rows stops the trees. For a ranking, the relevance of each row is predicted by itself. The
    same number of threads gives the same bits.

    Returns:
        None if scikit-learn has no such model: trees for a distribution, or train rows of only one class.
    """
    from threadpoolctl import threadpool_limits

    if task == "ranking":
        train, validation, task = _without_queries(train), validation and _without_queries(validation), "regression"
    if task in ("binary", "multiclass") and len(np.unique(train.target)) < 2:
        return None
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a reference that did not converge is good enough
        match name, task:
            case "linear", _:
                return _fit_linear(task, train, validation, n_classes)
            case "hist_gradient_boosting", "distribution":
                return None
            case "hist_gradient_boosting", _:
                return _fit_trees(task, train, validation, n_classes)


def _without_queries(rows: LabelledRows) -> LabelledRows:
    """Return the candidates with their relevance as the target."""
    return rows._replace(target=rows.target[:, 0])


def _fit_linear(task: Task, train: LabelledRows, validation: LabelledRows | None, n_classes: int) -> PredictFunction:
    """Fit a ridge or logistic regression."""
    design = DesignMatrix(train.numeric, train.categories)
    numbers = design(train.numeric, train.categories)
    candidates = _linear_models(task, one=validation is None)
    fitted = [model.fit(numbers, train.target, sample_weight=train.weight) for model in candidates]
    if validation is not None:
        rows = design(validation.numeric, validation.categories)
        losses = [_validation_loss(task, validation, _predictions(task, model, rows, n_classes)) for model in fitted]
        fitted = [fitted[int(np.argmin(losses))]]
    return lambda numeric, categories: _predictions(task, fitted[0], design(numeric, categories), n_classes)


def _linear_models(task: Task, *, one: bool) -> Iterable[Any]:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task in ("binary", "multiclass"):
        return [LogisticRegression(C=c, max_iter=300) for c in ([1.0] if one else INVERSE_PENALTIES)]
    return [Ridge(alpha=alpha, solver="cholesky") for alpha in ([1.0] if one else ALPHAS)]


def _fit_trees(task: Task, train: LabelledRows, validation: LabelledRows | None, n_classes: int) -> PredictFunction:
    """Fit histogram gradient boosting (after LightGBM, Ke et al. 2017), which reads gaps itself."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    native = train.categories.max(axis=0, initial=0) <= NATIVE_LEVELS
    kind = HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier
    model = kind(
        learning_rate=0.05,
        max_iter=1000,
        early_stopping=True,
        categorical_features=np.append(np.zeros(train.numeric.shape[1], dtype=bool), native),
        random_state=0,
    )
    held_out = _validation_set(task, train, validation)
    model.fit(_joined_columns(train.numeric, train.categories), train.target, sample_weight=train.weight, **held_out)
    return lambda numeric, categories: _predictions(task, model, _joined_columns(numeric, categories), n_classes)


def _validation_set(task: Task, train: LabelledRows, validation: LabelledRows | None) -> dict[str, np.ndarray]:
    """Return the validation rows as `fit` takes them, without classes that the train rows lack."""
    if validation is not None and task != "regression":
        validation = validation.take(np.isin(validation.target, np.unique(train.target)))
    if validation is None or not len(validation.target):
        return {}
    weight = {} if validation.weight is None else {"sample_weight_val": validation.weight}
    return {"X_val": _joined_columns(validation.numeric, validation.categories), "y_val": validation.target, **weight}


def _joined_columns(numeric: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Return numbers and codes side by side; an unknown level is NaN."""
    codes = np.where(categories == 0, np.nan, categories - 1)
    return np.concatenate([numeric, codes], axis=1, dtype=np.float64)


def _predictions(task: Task, model: Any, rows: np.ndarray, n_classes: int) -> np.ndarray:
    predictions: np.ndarray
    if task == "regression":
        predictions = model.predict(rows).astype(np.float64)
        return predictions
    if task == "distribution":
        shares = np.clip(model.predict(rows), 1e-6, None)
        predictions = shares / shares.sum(axis=1, keepdims=True)
        return predictions
    predictions = np.zeros((len(rows), n_classes))
    predictions[:, model.classes_] = model.predict_proba(rows)
    return predictions


def _validation_loss(task: Task, rows: LabelledRows, y_pred: np.ndarray) -> float:
    return compute_scores(task, rows.target, y_pred, rows.weight)[primary_metric(task)]
