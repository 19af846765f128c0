import numpy as np

from relight.evaluate.inputs import labelled_rows


def arrays(target: np.ndarray, **more: np.ndarray) -> dict[str, np.ndarray]:
    n_rows = len(target)
    empty = {"numeric": np.zeros((n_rows, 1), np.float32), "categories": np.zeros((n_rows, 0), np.int32)}
    return {**empty, "target": target, "row": np.arange(n_rows) + 10, **more}


def test_targets_are_numbers_codes_or_shares() -> None:
    column = np.array([[0.0], [1.0]], dtype=np.float32)
    assert labelled_rows("regression", arrays(column)).target.tolist() == [0, 1]
    binary = labelled_rows("binary", arrays(column)).target
    assert (binary.dtype, binary.tolist()) == (np.int64, [0, 1])
    assert labelled_rows("multiclass", arrays(np.array([2, 0]))).target.tolist() == [2, 0]
    assert labelled_rows("distribution", arrays(np.eye(2))).target.shape == (2, 2)


def test_some_of_the_rows_keep_all_that_belongs_to_them() -> None:
    rows = labelled_rows("multiclass", arrays(np.array([2, 0, 1]), weight=np.array([1, 2, 3], np.float32)))
    picked = rows.take(np.array([True, False, True]))
    assert (picked.target.tolist(), picked.row.tolist()) == ([2, 1], [10, 12])
    assert picked.weight is not None
    assert picked.weight.tolist() == [1, 3]
    assert rows._replace(weight=None).take(np.array([1])).weight is None
