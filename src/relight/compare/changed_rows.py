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
    first: str
    other: str


class ChangedPredictions(NamedTuple):
    """
    Attributes:
        what: what is counted: rows, or queries.
        rows: those that changed most, the most changed one first; none that did not change.
    """

    what: str
    n: int
    n_better: int
    n_worse: int
    rows: list[ChangedRow]


def changed_predictions(first: RunPredictions, other: RunPredictions, n_shown: int) -> ChangedPredictions:
    """Both of the same rows.

    A row moved by the distance of both predictions (of shares of classes: the total variation distance; of a ranking:
    the places in the order of the query), and is better where the loss of that row is lower: the absolute error, or
    what the true class lacks. Of a ranking the NDCG@10 of each query is compared.
    """
    change = _change(first, other)
    losses = _row_losses(first), _row_losses(other)
    gained = losses[0] - losses[1]
    order = np.lexsort((np.arange(len(change)), -np.nan_to_num(change, nan=-1.0)))
    shown = [int(k) for k in order[:n_shown] if change[k] > 0]
    what = "queries" if first.task == "ranking" else "rows"
    n_better, n_worse = int((gained > LOSS_TOLERANCE).sum()), int((gained < -LOSS_TOLERANCE).sum())
    return ChangedPredictions(what, len(gained), n_better, n_worse, [_changed_row(first, other, k) for k in shown])


def _changed_row(first: RunPredictions, other: RunPredictions, k: int) -> ChangedRow:
    named = {name: first.rows[name][k] for name in first.rows.columns if name != "target"}
    name = ", ".join(f"{column} {'–' if value is None else value}" for column, value in named.items())
    truth = first.rows["target"][k]
    return ChangedRow(
        name, "–" if truth is None else str(truth), _prediction_text(first, k), _prediction_text(other, k)
    )


def _prediction_text(rows: RunPredictions, k: int) -> str:
    """Of classes the chosen one with its probability."""
    said = str(rows.says[k])
    if rows.predicted.ndim == 2:
        return f"{said} ({rows.predicted[k].max():.3f})"
    if rows.task == "ranking":
        return f"place {int(_ranks(rows)[k])} ({_number_text(said)})"
    return _number_text(said)


def _number_text(number: str) -> str:
    return f"{float(number):.4g}"


def _change(first: RunPredictions, other: RunPredictions) -> np.ndarray:
    if first.predicted.ndim == 2:
        distance: np.ndarray = np.abs(other.predicted - first.predicted).sum(axis=1) / 2
        return distance
    moved: np.ndarray = np.abs(_values(other) - _values(first))
    return moved


def _values(rows: RunPredictions) -> np.ndarray:
    """What a row moves along."""
    if rows.task == "ranking":
        return _ranks(rows)
    return _similarity(rows) if rows.task == "similarity" else rows.predicted


def _similarity(rows: RunPredictions) -> np.ndarray:
    return np.array([float(said) for said in rows.says])


def _ranks(rows: RunPredictions) -> np.ndarray:
    """The place of each candidate in the order of its query, from 1; of equal scores the first row first."""
    query = rows.target[:, 1]
    order = np.lexsort((-rows.predicted, query))
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    place = np.empty(len(order))
    place[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order)))) + 1
    return place


def _row_losses(rows: RunPredictions) -> Any:
    """The lower, the nearer to the truth; NaN where there is none."""
    match rows.task:
        case "ranking":
            return -query_scores(rows.target, rows.predicted).values.get("ndcg@10", np.array([]))
        case "distribution":
            off: np.ndarray = np.abs(rows.predicted - rows.target).sum(axis=1)
            return off
        case "binary" | "multiclass":
            return 1 - rows.predicted[np.arange(len(rows.target)), rows.target]
        case "similarity":
            return np.abs(rows.target - _similarity(rows))
        case "regression" | "forecast":
            return np.abs(rows.predicted - rows.target)
