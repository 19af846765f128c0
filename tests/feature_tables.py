"""Small tables, and what split would say of their train rows."""

from typing import Any, NamedTuple

import numpy as np

from relight.data.features import CategoricalFeature, Features, NumericFeature, TargetStatistics
from relight.data.schema import Schema

Arrays = dict[str, np.ndarray]

CLASSES: dict[str, list[str] | None] = {
    "regression": None,
    "binary": ["no", "yes"],
    "multiclass": ["a", "b", "c"],
    "distribution": ["a", "b", "c"],
}


def two_classes(n_rows: int) -> Schema:
    """What prepare would say of a table whose target has two classes, and whose columns do not matter."""
    return Schema(
        rows=n_rows,
        target="y",
        targets=["y"],
        weight=None,
        task="binary",
        classes=["a", "b"],
        columns=[],
        generated=None,
        notes=[],
    )


def number(name: str, values: Any, *, gaps: int = 0) -> NumericFeature:
    """Described by the values of the train rows that have one."""
    known = np.asarray(values, dtype=np.float32).astype(np.float64)
    levels = np.linspace(0, 1, min(1001, len(known)))
    return NumericFeature(
        name=name,
        column=name,
        kind="numeric",
        mean=known.mean(),
        std=known.std(),
        low=known.min(),
        high=known.max(),
        quantiles=np.quantile(known, levels, method="nearest").tolist(),
        gaps=gaps,
    )


def category(name: str, n_levels: int) -> CategoricalFeature:
    return CategoricalFeature(name=name, levels=[f"level {k}" for k in range(n_levels)])


def features_of(
    numeric: list[NumericFeature],
    categorical: list[CategoricalFeature] | None = None,
    *,
    task: Any = "regression",
    target: Any = (-1.0, 1.0),
    n_train: int = 100,
    test_rows_validate: bool = False,
) -> Features:
    """The target is that of the train rows: numbers, or class codes."""
    classes, known = CLASSES[task], np.asarray(target, dtype=np.float64)
    codes = known.reshape(-1).astype(int)
    has_counts = task in ("binary", "multiclass")
    return Features(
        task=task,
        target="y",
        targets=classes if task == "distribution" and classes else ["y"],
        weight=None,
        classes=classes,
        numeric=numeric,
        categorical=categorical or [],
        target_statistics=_statistics(known) if task == "regression" else None,
        class_counts=[int((codes == k).sum()) for k in range(len(classes))] if has_counts and classes else None,
        n_train=n_train,
        validates_on_test=test_rows_validate,
    )


def _statistics(target: np.ndarray) -> TargetStatistics:
    logs = np.log(target) if (target > 0).all() else None
    return TargetStatistics(
        mean=target.mean(),
        std=target.std(),
        skew=0.0,
        log_mean=None if logs is None else logs.mean(),
        log_std=None if logs is None else logs.std(),
        log_skew=None if logs is None else 0.0,
    )


class Table(NamedTuple):
    features: Features
    train: Arrays
    validation: Arrays


def small_table(task: Any = "regression", *, n_train: int = 60, weighted: bool = False) -> Table:
    """Four numbers (one with gaps, one of two values, one mostly zero), a short and a long category.

    The validation rows have gaps and levels that the train rows lack.
    """
    draw = np.random.default_rng(7)
    n_rows = n_train + 30
    mostly_zero = np.where(draw.random(n_rows) < 0.6, 0, draw.gamma(2, size=n_rows))
    columns = [draw.normal(3, 2, n_rows), draw.lognormal(size=n_rows), draw.integers(0, 2, n_rows), mostly_zero]
    numeric = np.stack(columns, axis=1).astype(np.float32)
    categories = np.stack([draw.integers(1, 4, n_rows), draw.integers(1, 41, n_rows)], axis=1).astype(np.int32)
    signal = numeric[:, 0] / 2 + numeric[:, 2] * categories[:, 0] + draw.normal(0, 0.3, n_rows)
    target = _target(task, signal, draw)
    numeric[::9, 0] = np.nan
    numeric[n_train::7, 1] = np.nan
    categories[n_train::5] = 0
    arrays = {"numeric": numeric, "categories": categories, "target": target}
    if weighted:
        arrays["weight"] = draw.uniform(0.1, 3, n_rows).astype(np.float32)
    train = {name: values[:n_train] for name, values in arrays.items()}
    described = [
        number(f"x{k}", train["numeric"][:, k][~np.isnan(train["numeric"][:, k])], gaps=7 if k == 0 else 0)
        for k in range(4)
    ]
    known = features_of(
        described, [category("c", 3), category("d", 40)], task=task, target=train["target"], n_train=n_train
    )
    return Table(known, train, {name: values[n_train:] for name, values in arrays.items()})


def _target(task: str, signal: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    if task == "regression":
        return np.exp(signal / 3).astype(np.float32).reshape(-1, 1)
    if task == "binary":
        return (signal > np.median(signal)).astype(np.float32).reshape(-1, 1)
    codes = np.digitize(signal, np.quantile(signal, [0.3, 0.8])).astype(np.int64)
    if task == "multiclass":
        return codes
    shares = draw.dirichlet([1, 1, 1], len(signal)) * 0.5 + np.eye(3)[codes] * 0.5
    return shares.astype(np.float32)
