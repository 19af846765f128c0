"""The `evaluate` section."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from relight.metrics.direction import BUILT_IN, Better, is_better
from relight.own_code.calls import Call
from relight.runtime.params import Name, Section

Reference = Literal["linear", "hist_gradient_boosting"]
SCORE_NAME = re.compile(r"[^\W\d][\w@%-]{0,59}")  # no dot: sweep.yaml and DVC write `test.NAME`


def _better(value: Any) -> Better:
    if is_better(value) and abs(value if isinstance(value, int | float) else 0) < float("inf"):
        return value  # type: ignore[no-any-return]
    raise PydanticCustomError("better", "must be higher, lower or a number to be near")


def _score_name(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and SCORE_NAME.fullmatch(value)):
        return value
    raise PydanticCustomError("name", "must be a letter and then letters, digits, _, -, @ or %, at most 60 in all")


class MetricCall(Call):
    """A metric of the user's own: `(y_true, y_pred, sample_weight, **settings) → float`.

    Attributes:
        better: the direction in which the score improves.
        given_name: the name of the score, written `name`; None: that of the function.
    """

    better: Annotated[Better, PlainValidator(_better)] = Field(examples=["higher"])
    given_name: Annotated[str | None, PlainValidator(_score_name)] = Field(default=None, alias="name")

    @property
    def score_name(self) -> str:
        """The name of the score in metrics.json and in every table."""
        return self.given_name or self.name


def _have_names_of_their_own(calls: list[MetricCall]) -> list[MetricCall]:
    names = [call.score_name for call in calls]
    repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
    problems = [
        *(f"two scores are named {name}; give one another name, as `name: {name}_2`" for name in repeated),
        *(
            f"{name} is a score of Relight's; give yours another name, as `name: own_{name}`"
            for name in dict.fromkeys(names)
            if name in BUILT_IN
        ),
    ]
    if problems:
        raise PydanticCustomError("own_section", "{problems}", {"problems": "; ".join(problems)})
    return calls


class EvaluateParams(Section):
    """The settings of the scores of the test rows, and of what they are compared with."""

    metrics: Annotated[list[MetricCall], AfterValidator(_have_names_of_their_own)] = Field(default=[])
    """Scores of your own, next to Relight's: each `{call: "module:function", better: higher}` with its settings;
    `better` is higher, lower or a number to be near, `name` another name than that of the function."""
    references: list[Reference] = Field(default=[])
    """Models fitted on the same train rows and scored on the same test rows; a trivial baseline is always there."""
    slices: list[Name] = Field(default=[])
    """Columns of the prepared table; each of their values gets its own scores."""
    bootstrap: int = Field(default=0, ge=0, le=100_000)
    """Number of resamples behind each 95 % interval; 0 gives no intervals."""
    importance: int = Field(default=0, ge=0, le=1000)
    """Number of permutations of each column for its importance; 0 gives none."""
    threshold: Literal["none", "f1", "balanced_accuracy"] = "none"
    """The score that the threshold of two classes maximises on the validation rows; none: no threshold is chosen."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seed of the resamples and the permutations."""
