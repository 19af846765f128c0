"""Orders of many rows in little memory: four bytes a row, and no copy of the whole."""

import numpy as np

AT_ONCE = 262_144  # NumPy copies the rows that index an array, as eight bytes each


def shuffled(n_rows: int, generator: np.random.Generator) -> np.ndarray:
    """0 to n_rows - 1 in the order that `generator.permutation(n_rows)` draws, as int32, (n_rows,)."""
    order = np.arange(n_rows, dtype=np.int32)
    generator.shuffle(order)
    return order


def places(chosen: np.ndarray) -> np.ndarray:
    """Where an array of bool is true, as int32, (n_true,)."""
    starts = range(0, len(chosen), AT_ONCE)
    found = [(np.flatnonzero(chosen[start : start + AT_ONCE]) + start).astype(np.int32) for start in starts]
    return np.concatenate(found)


def smallest(keys: np.ndarray, n_rows: int) -> np.ndarray:
    """Which rows, bool, (n,), have the `n_rows` smallest keys; of equal keys the first rows."""
    if n_rows == 0:
        return np.zeros(len(keys), dtype=bool)
    last = np.partition(keys, n_rows - 1)[n_rows - 1]
    chosen: np.ndarray = keys < last
    ties = places(keys == last)
    chosen[ties[: n_rows - int(chosen.sum())]] = True
    return chosen


def deal(values: np.ndarray, rows: np.ndarray, n_hands: int, first: int = 0) -> None:
    """values[rows] = first, first + 1, ... modulo n_hands, as cards are dealt."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        values[some] = (first + start + np.arange(len(some))) % n_hands
