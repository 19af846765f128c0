"""The score of metrics.json that judges the trials: whether higher or lower is better, or near a number."""

from typing import Literal, NamedTuple

from relight.errors import InputError
from relight.evaluate.params import EvaluateParams
from relight.metrics.direction import BUILT_IN, Better, Directions, as_loss
from relight.runtime.params import check_section
from relight.runtime.strict_yaml import Document
from relight.sweep.params import SweepParams

PARTS = ("train", "validation", "test", "threshold")  # of metrics.json, whose scores have the names of the metrics
Direction = Literal["minimize", "maximize"]


class Objective(NamedTuple):
    """The score that a sweep optimises.

    Attributes:
        metric: dotted key of reports/metrics.json.
        near: the number that the score should be near: its distance is minimized; None for another score.
    """

    metric: str
    direction: Direction
    near: float | None = None

    @property
    def label(self) -> str:
        """The name of the value of a trial."""
        return self.metric if self.near is None else f"distance of {self.metric} from {self.near:g}"

    def value(self, score: float) -> float:
        """Return the value of a trial with this score."""
        return score if self.near is None else as_loss(self.near, score)


def find_objective(sweep: SweepParams, document: Document) -> Objective | None:
    """Return what judges the trials; None for the validation score.

    Args:
        document: params.yaml, which says the directions of the user's own metrics.

    Raises:
        InputError: if the direction is missing, or contradicts the metric.
    """
    if sweep.metric is None:
        return None
    better = known_directions(document).get(score_in(sweep.metric))
    if better is None and sweep.direction is None:
        raise InputError("must be minimize or maximize if metric is no score that Relight knows")
    if isinstance(better, int | float):
        return _near(sweep.metric, float(better), sweep.direction)
    return Objective(sweep.metric, _direction(sweep.metric, better, sweep.direction))


def _near(metric: str, number: float, direction: Direction | None) -> Objective:
    if direction is not None:
        raise InputError(
            f"must be left out for {metric}, which should be near {number:g}, got {direction}; the distance is "
            "minimized"
        )
    return Objective(metric, "minimize", number)


def _direction(metric: str, better: Better | None, asked: Direction | None) -> Direction:
    known: Direction | None = None if better is None else "maximize" if better == "higher" else "minimize"
    if known and asked not in (None, known):
        raise InputError(f"must be {known} for {metric}, of which {better} is better, got {asked}")
    return known or asked or "minimize"


def known_directions(document: Document) -> Directions:
    """Return the directions of Relight's scores and of the metrics in params.yaml."""
    params = check_section(document, "evaluate", EvaluateParams).params
    own = {call.score_name: call.better for call in params.metrics} if params is not None else {}
    return {**BUILT_IN, **own}


def score_in(metric: str) -> str:
    """Return the name of the score in a dotted key of metrics.json, as `test.mae`; "" if it is another number."""
    match metric.split("."):
        case [part, name] if part in PARTS:
            return name
        case ["seeds", "test", name, "mean"]:
            return name
        case _:
            return ""
