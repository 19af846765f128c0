"""The score that judges the trials of a sweep: whether a lower or a higher one is better, or one near a number."""

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
    """What a sweep optimises.

    Attributes:
        metric: dotted key of reports/metrics.json; None for the validation score.
        near: the number that the score should be near: its distance is minimized; None for another score.
    """

    metric: str | None
    near: float | None = None

    @property
    def label(self) -> str:
        """The name of the value of a trial."""
        if self.metric is None:
            return "validation score"
        return self.metric if self.near is None else f"distance of {self.metric} from {self.near:g}"

    def value(self, score: float) -> float:
        """Return the value of a trial with this score."""
        return score if self.near is None else as_loss(self.near, score)


def find_objective(sweep: SweepParams, document: Document) -> tuple[Objective, Direction | None]:
    """Return the objective and its direction.

    Args:
        document: params.yaml, which says the directions of the user's own metrics.

    Raises:
        InputError: if the direction is missing, or contradicts the metric.
    """
    better = None if sweep.metric is None else known_directions(document).get(score_name(sweep.metric))
    if better is None:
        if sweep.metric is not None and sweep.direction is None:
            raise InputError("must be minimize or maximize if metric is no score that Relight knows")
        return Objective(sweep.metric), sweep.direction
    if not isinstance(better, str):
        if sweep.direction is not None:
            raise InputError(
                f"must be left out for {sweep.metric}, which should be near {better:g}, got {sweep.direction}; the "
                "distance is minimized"
            )
        return Objective(sweep.metric, float(better)), "minimize"
    return Objective(sweep.metric), _direction(sweep, better)


def _direction(sweep: SweepParams, better: Better) -> Direction:
    direction: Direction = "maximize" if better == "higher" else "minimize"
    if sweep.direction not in (None, direction):
        raise InputError(f"must be {direction} for {sweep.metric}, of which {better} is better, got {sweep.direction}")
    return direction


def known_directions(document: Document) -> Directions:
    """Return the directions of Relight's scores and of the metrics in params.yaml."""
    params = check_section(document, "evaluate", EvaluateParams).params
    own = {call.score_name: call.better for call in params.metrics} if params is not None else {}
    return {**BUILT_IN, **own}


def score_name(metric: str) -> str:
    """Return the name of the score in a dotted key of metrics.json, as `test.mae`; "" if it is another number."""
    match metric.split("."):
        case [part, name] if part in PARTS:
            return name
        case ["seeds", "test", name, "mean"]:
            return name
        case _:
            return ""
