"""How much two records share as they stand, without any learning: what a tower must be better than."""

import numpy as np
import torch

from relight.domain.ngrams import ngrams


def overlap(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The mean over the columns that both sides have of how much they share, (n_rows,) float64; 1/2 where none is.

    Of two texts it is the share of their n-grams (Jaccard 1901); a level or a number is the same or is not.

    Args:
        arrays: of pairs, as split wrote them.
    """
    left, right = (
        [arrays[f"{side}_{part}"] for part in ("numeric", "categories", "letters")] for side in ("left", "right")
    )
    numbers = _same(left[0], right[0], np.isnan(left[0]) | np.isnan(right[0]))
    levels = _same(left[1], right[1], (left[1] == 0) | (right[1] == 0))
    texts = [_jaccard(_ngrams(left[2][:, k]), _ngrams(right[2][:, k])) for k in range(left[2].shape[1])]
    shares = np.concatenate([numbers, levels, *(text.reshape(-1, 1) for text in texts)], axis=1)
    known = ~np.isnan(shares)
    sums = np.where(known, shares, 0).sum(axis=1)
    shared: np.ndarray = np.where(known.any(axis=1), sums / np.maximum(known.sum(axis=1), 1), 0.5)
    return shared


def _same(left: np.ndarray, right: np.ndarray, is_gap: np.ndarray) -> np.ndarray:
    return np.where(is_gap, np.nan, (left == right).astype(np.float64))


def _ngrams(letters: np.ndarray) -> np.ndarray:
    found: np.ndarray = ngrams(torch.from_numpy(letters)).numpy()
    return found


def _jaccard(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of the n-grams of each row, (n_rows, n_slots); NaN where a side has none."""
    is_first_left, is_first_right = _first(left), _first(right)
    both = np.zeros(len(left))
    for slot in range(left.shape[1]):
        both += is_first_left[:, slot] & ((right == left[:, [slot]]) & is_first_right).any(axis=1)
    n_left, n_right = is_first_left.sum(axis=1), is_first_right.sum(axis=1)
    shares = both / np.maximum(n_left + n_right - both, 1)
    return np.where((n_left == 0) | (n_right == 0), np.nan, shares)


def _first(codes: np.ndarray) -> np.ndarray:
    """Which slots hold an n-gram that no slot before them holds."""
    firsts: np.ndarray = codes != 0
    for slot in range(1, codes.shape[1]):
        firsts[:, slot] &= (codes[:, :slot] != codes[:, [slot]]).all(axis=1)
    return firsts
