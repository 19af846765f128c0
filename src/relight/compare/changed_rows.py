"""The test rows whose predictions differ most between two models, and how many became better or worse."""

from typing import Any, NamedTuple

import numpy as np

from relight.compare.predictions import RunPredictions
from relight.metrics.ranking import query_scores

LOSS_TOLERANCE = 1e-9  # losses that differ by less are equal


class ChangedRow(NamedTuple):
    """A row with both predictions, as texts.

    Attributes:
        name: of the row: its key columns with their values.
        target: the truth.
        baseline, candidate: the predictions.
    """

    name: str
    target: str
    baseline: str
    candidate: str


class ChangedPredictions(NamedTuple):
    """The differences between the predictions of a candidate and those of the baseline.

    Attributes:
        unit: of the counts: rows, or queries.
        n, n_better, n_worse: number of units, and of those with a lower and a higher loss.
        rows: those that changed most, the most changed one first; none that did not change.
    """

    unit: str
    n: int
    n_better: int
    n_worse: int
    rows: list[ChangedRow]


def changed_predictions(baseline: RunPredictions, candidate: RunPredictions, n_shown: int) -> ChangedPredictions:
    """Compare two models on the same rows.

    The change of a row is the distance of both predictions: for probabilities the total variation distance, for a
    ranking the difference of the ranks in the query. A row is better if its loss is lower: the absolute error, or one
    minus the probability of the true class. For a ranking the NDCG@10 of each query is compared.

    Args:
        n_shown: number of rows to name.
    """
    change = _change(baseline, candidate)
    losses = _row_losses(baseline), _row_losses(candidate)
    gained = losses[0] - losses[1]
    order = np.lexsort((np.arange(len(change)), -np.nan_to_num(change, nan=-1.0)))
    shown = [int(k) for k in order[:n_shown] if change[k] > 0]
    unit = "queries" if baseline.task == "ranking" else "rows"
    n_better, n_worse = int((gained > LOSS_TOLERANCE).sum()), int((gained < -LOSS_TOLERANCE).sum())
    return ChangedPredictions(
        unit, len(gained), n_better, n_worse, [_changed_row(baseline, candidate, k) for k in shown]
    )


def _changed_row(baseline: RunPredictions, candidate: RunPredictions, k: int) -> ChangedRow:
    keys = {name: baseline.row_keys[name][k] for name in baseline.row_keys.columns if name != "target"}
    name = ", ".join(f"{column} {'–' if value is None else value}" for column, value in keys.items())
    truth = baseline.row_keys["target"][k]
    return ChangedRow(
        name, "–" if truth is None else str(truth), _prediction_text(baseline, k), _prediction_text(candidate, k)
    )


def _prediction_text(rows: RunPredictions, k: int) -> str:
    """Return a prediction in words; a class with its probability."""
    text = str(rows.prediction_texts[k])
    if rows.y_pred.ndim == 2:
        return f"{text} ({rows.y_pred[k].max():.3f})"
    if rows.task == "ranking":
        return f"place {int(_ranks(rows)[k])} ({_number_text(text)})"
    return _number_text(text)


def _number_text(number: str) -> str:
    return f"{float(number):.4g}"


def _change(baseline: RunPredictions, candidate: RunPredictions) -> np.ndarray:
    """Return how far each row moved, (n_rows,)."""
    distance: np.ndarray
    if baseline.y_pred.ndim == 2:
        distance = np.abs(candidate.y_pred - baseline.y_pred).sum(axis=1) / 2
    else:
        distance = np.abs(_values(candidate) - _values(baseline))
    return distance


def _values(rows: RunPredictions) -> np.ndarray:
    """Return the number that stands for each prediction, (n_rows,)."""
    if rows.task == "ranking":
        return _ranks(rows)
    return _similarity(rows) if rows.task == "similarity" else rows.y_pred


def _similarity(rows: RunPredictions) -> np.ndarray:
    return np.array([float(text) for text in rows.prediction_texts])


def _ranks(rows: RunPredictions) -> np.ndarray:
    """Return the rank of each row in its query, from 1; equal scores in the order of the rows."""
    query = rows.y_true[:, 1]
    order = np.lexsort((-rows.y_pred, query))
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order)))) + 1
    return rank


def _row_losses(rows: RunPredictions) -> Any:
    """Return the loss of each row (of a ranking: each query), NaN if it is not defined."""
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
