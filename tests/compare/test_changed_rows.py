import numpy as np
import polars as pl

from relight.compare.changed_rows import changed_predictions
from relight.compare.predictions import RunPredictions


def rows(task, target: np.ndarray, predicted: np.ndarray, truth: list[str], says: list[str]) -> RunPredictions:
    named = pl.DataFrame({"row": [str(10 + k) for k in range(len(truth))], "target": truth})
    return RunPredictions(task, named, target, predicted, says, None)


def test_numbers_move_by_their_difference() -> None:
    target, truth = np.array([1.0, 2, 3]), ["1.0", "2.0", "3.0"]
    first = rows("regression", target, np.array([1.0, 2.5, 3]), truth, ["1.0", "2.5", "3.0"])
    other = rows("regression", target, np.array([1.5, 2.0, 3]), truth, ["1.5", "2.0", "3.0"])
    moved = changed_predictions(first, other, 9)
    assert (moved.n, moved.n_better, moved.n_worse) == (3, 1, 1)
    assert [tuple(row) for row in moved.rows] == [("row 10", "1.0", "1", "1.5"), ("row 11", "2.0", "2.5", "2")]
    assert len(changed_predictions(first, other, 1).rows) == 1


def test_classes_move_by_their_probabilities() -> None:
    target, truth = np.array([0, 1]), ["a", "b"]
    first = rows("multiclass", target, np.array([[0.75, 0.25], [0.5, 0.5]]), truth, ["a", "a"])
    other = rows("multiclass", target, np.array([[0.5, 0.5], [0.125, 0.875]]), truth, ["a", "b"])
    moved = changed_predictions(first, other, 2)
    assert (moved.n_better, moved.n_worse) == (1, 1)
    assert tuple(moved.rows[0]) == ("row 11", "b", "a (0.500)", "b (0.875)")


def test_candidates_move_by_their_place_in_the_order_of_their_query() -> None:
    target, truth = np.array([[1.0, 0], [0, 0], [0, 0]]), ["1", "0", "0"]
    first = rows("ranking", target, np.array([0.1, 0.3, 0.2]), truth, ["0.1", "0.3", "0.2"])
    other = rows("ranking", target, np.array([9.0, 3.0, 2.0]), truth, ["9", "3", "2"])
    moved = changed_predictions(first, other, 1)
    assert (moved.unit, moved.n, moved.n_better, moved.n_worse) == ("queries", 1, 1, 0)
    assert tuple(moved.rows[0]) == ("row 10", "1", "place 3 (0.1)", "place 1 (9)")
