"""How well a score tells pairs that are alike from those that are not."""

import numpy as np

from relight.domain.ranking import Ranked, auc, average_precision

RECALLED = (1, 5)


class PairScorer:
    """AUC, average precision, and the accuracy of the decision, under any weights of the rows.

    AUC and average precision are left out where they are not defined.

    Args:
        target: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike; 0 and above is said to be alike.
    """

    def __init__(self, target: np.ndarray, score: np.ndarray) -> None:
        self.is_alike, self.said = target == 1, score >= 0
        self.ranked = Ranked(self.is_alike, score)

    def __call__(self, weight: np.ndarray) -> dict[str, float]:
        counts = self.ranked.counts(weight)
        ranking = {"auc": auc(*counts), "average_precision": average_precision(*counts)}
        right = float(np.average(self.said == self.is_alike, weights=weight))
        return {"accuracy": right, **{name: value for name, value in ranking.items() if value is not None}}


def recall_at(group: np.ndarray, target: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """The share of left records whose match is among the k best of their candidates, k = 1 and 5.

    Of the left records that have a match and a candidate that is none; empty where there are no such records. A
    candidate with the very score of the match counts as better.

    Args:
        group: (n_rows,) which left record, as a number from 0.
        target: (n_rows,) 1 for pairs that are alike, else 0.
        score: (n_rows,) the higher the more alike.
    """
    is_alike, n_groups = target == 1, int(group.max()) + 1
    best = np.full(n_groups, -np.inf)
    np.maximum.at(best, group[is_alike], score[is_alike])
    before = np.bincount(group, ~is_alike & (score >= best[group]), n_groups)
    others = np.bincount(group, ~is_alike, n_groups)
    asked = np.isfinite(best) & (others > 0)
    return {f"recall_at_{k}": float((before[asked] < k).mean()) for k in RECALLED} if asked.any() else {}


def groups_of(rows: list[np.ndarray]) -> np.ndarray:
    """The same number from 0 for rows that are the same in every array, (n_rows, ...) each."""
    flat = [np.ascontiguousarray(array.reshape(len(array), -1)).view(np.uint8) for array in rows if array.size]
    together = np.ascontiguousarray(np.concatenate(flat, axis=1))
    groups: np.ndarray = np.unique(together.view(f"V{together.shape[1]}").reshape(-1), return_inverse=True)[1]
    return groups
