"""Which test rows two models answer most differently, and for how many the second is nearer to the truth."""

from typing import Any, NamedTuple

import numpy as np

from relight.compare.predictions import RunPredictions
from relight.metrics.ranking import query_scores

LOSS_TOLERANCE = 1e-9  # of two losses


class ChangedRow(NamedTuple):
    """
    Attributes:
        name: which row it is, in words.
        target, first, other: the truth and both predictions, as texts.
    """

    name: str
    target: str
    baseline: str
    candidate: str


class ChangedPredictions(NamedTuple):
    """
    Attributes:
        what: what is counted: rows, or queries.
        rows: those that changed most, the most changed one first; none that did not change.
    """

    unit: str
    n: int
    n_better: int
    n_worse: int
    rows: list[ChangedRow]


def changed_predictions(baseline: RunPredictions, candidate: RunPredictions, n_shown: int) -> ChangedPredictions:
    """Both of the same rows.

    A row moved by the distance of both predictions (of shares of classes: the total variation distance; of a ranking:
    the places in the order of the query), and is better where the loss of that row is lower: the absolute error, or
    what the true class lacks. Of a ranking the NDCG@10 of each query is compared.
    """
    change = _change(baseline, candidate)
    losses = _row_losses(baseline), _row_losses(candidate)
    gained = losses[0] - losses[1]
    order = np.lexsort((np.arange(len(change)), -np.nan_to_num(change, nan=-1.0)))
    shown = [int(k) for k in order[:n_shown] if change[k] > 0]
    what = "queries" if baseline.task == "ranking" else "rows"
    n_better, n_worse = int((gained > LOSS_TOLERANCE).sum()), int((gained < -LOSS_TOLERANCE).sum())
    return ChangedPredictions(
        what, len(gained), n_better, n_worse, [_changed_row(baseline, candidate, k) for k in shown]
    )


def _changed_row(baseline: RunPredictions, candidate: RunPredictions, k: int) -> ChangedRow:
    named = {name: baseline.row_keys[name][k] for name in baseline.row_keys.columns if name != "target"}
    name = ", ".join(f"{column} {'–' if value is None else value}" for column, value in named.items())
    truth = baseline.row_keys["target"][k]
    return ChangedRow(
        name, "–" if truth is None else str(truth), _prediction_text(baseline, k), _prediction_text(candidate, k)
    )


def _prediction_text(rows: RunPredictions, k: int) -> str:
    """Of classes the chosen one with its probability."""
    text = str(rows.prediction_texts[k])
    if rows.y_pred.ndim == 2:
        return f"{text} ({rows.y_pred[k].max():.3f})"
    if rows.task == "ranking":
        return f"place {int(_ranks(rows)[k])} ({_number_text(text)})"
    return _number_text(text)


def _number_text(number: str) -> str:
    return f"{float(number):.4g}"


def _change(baseline: RunPredictions, candidate: RunPredictions) -> np.ndarray:
    if baseline.y_pred.ndim == 2:
        distance: np.ndarray = np.abs(candidate.y_pred - baseline.y_pred).sum(axis=1) / 2
        return distance
    moved: np.ndarray = np.abs(_values(candidate) - _values(baseline))
    return moved


def _values(rows: RunPredictions) -> np.ndarray:
    """What a row moves along."""
    if rows.task == "ranking":
        return _ranks(rows)
    return _similarity(rows) if rows.task == "similarity" else rows.y_pred


def _similarity(rows: RunPredictions) -> np.ndarray:
    return np.array([float(text) for text in rows.prediction_texts])


def _ranks(rows: RunPredictions) -> np.ndarray:
    """The place of each candidate in the order of its query, from 1; of equal scores the first row first."""
    query = rows.y_true[:, 1]
    order = np.lexsort((-rows.y_pred, query))
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order)))) + 1
    return rank


def _row_losses(rows: RunPredictions) -> Any:
    """The lower, the nearer to the truth; NaN where there is none."""
    match rows.task:
        case "ranking":
            return -query_scores(rows.y_true, rows.y_pred).scores.get("ndcg@10", np.array([]))
        case "distribution":
            off: np.ndarray = np.abs(rows.y_pred - rows.y_true).sum(axis=1)
            return off
        case "binary" | "multiclass":
            return 1 - rows.y_pred[np.arange(len(rows.y_true)), rows.y_true]
        case "similarity":
            return np.abs(rows.y_true - _similarity(rows))
        case "regression" | "forecast":
            return np.abs(rows.y_pred - rows.y_true)
