"""The `evaluate` section: what the scores stand beside, and how closely they are looked at."""

from typing import Literal

from pydantic import Field

from relight.runtime.params import Section

Reference = Literal["linear", "hist_gradient_boosting"]


class EvaluateParams(Section):
    """
    Attributes:
        references: models fitted on the same train rows; the trivial one is always there.
        slices: columns of the prepared table; the scores of each of their values.
        bootstrap: how many resamples each interval is made of; 0 for none.
        importance: how many permutations of each column; 0 for none.
        threshold: the score that a binary decision threshold maximises on the validation rows.
    """

    references: list[Reference] = Field(default=[])
    slices: list[str] = Field(default=[])
    bootstrap: int = Field(default=0, ge=0, le=100_000)
    importance: int = Field(default=0, ge=0, le=1000)
    threshold: Literal["none", "f1", "balanced_accuracy"] = "none"
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
