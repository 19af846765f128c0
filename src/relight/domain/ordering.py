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


def mark(values: np.ndarray, rows: np.ndarray, value: int) -> None:
    """values[rows] = value."""
    for start in range(0, len(rows), AT_ONCE):
        values[rows[start : start + AT_ONCE]] = value


def deal(values: np.ndarray, rows: np.ndarray, n_hands: int, first: int = 0) -> None:
    """values[rows] = first, first + 1, ... modulo n_hands, as cards are dealt."""
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        values[some] = (first + start + np.arange(len(some))) % n_hands
