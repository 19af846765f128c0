"""When a trial of a sweep is looked at, what its value is, and which ones are best."""

from collections.abc import Callable, Sequence

FIRST_EPOCH = 4


def is_rung(epoch: int) -> bool:
    """Whether curves are compared after so many epochs: at 4, 6, 9, 14, 21, ... of which there are few.

    They do not depend on `train.epochs`, so that trials with different ones can be compared.
    """
    rung = FIRST_EPOCH
    while rung < epoch:
        rung = -(-rung * 3 // 2)
    return rung == epoch


def value_of(scores: Sequence[float], *, keeps_best: bool) -> float:
    """The validation score of the model that the training ends with.

    Args:
        scores: of each epoch; lower is better.
        keeps_best: whether early stopping brings the best weights back.
    """
    return min(scores) if keeps_best else scores[-1]


class Rungs:
    """Tells at each rung whether the trial is hopeless, by its best score so far."""

    def __init__(self, is_hopeless: Callable[[int, float], bool]) -> None:
        self._is_hopeless = is_hopeless
        self._n_seen, self._best = 0, float("inf")

    def see(self, scores: Sequence[float]) -> bool:
        """
        Args:
            scores: of all epochs so far.
        """
        for score in scores[self._n_seen :]:
            self._n_seen += 1
            self._best = min(self._best, score)
            if is_rung(self._n_seen) and self._is_hopeless(self._n_seen, self._best):
                return True
        return False
