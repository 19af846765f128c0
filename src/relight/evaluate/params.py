"""The `evaluate` section."""

from typing import Literal

from pydantic import Field

from relight.runtime.params import Section

Reference = Literal["linear", "hist_gradient_boosting"]


class EvaluateParams(Section):
    """The settings of the scores of the test rows, and of what they are compared with."""

    references: list[Reference] = Field(default=[])
    """Models fitted on the same train rows and scored on the same test rows; a trivial baseline is always there."""
    slices: list[str] = Field(default=[])
    """Columns of the prepared table; each of their values gets its own scores."""
    bootstrap: int = Field(default=0, ge=0, le=100_000)
    """Number of resamples behind each 95 % interval; 0 gives no intervals."""
    importance: int = Field(default=0, ge=0, le=1000)
    """Number of permutations of each column for its importance; 0 gives none."""
    threshold: Literal["none", "f1", "balanced_accuracy"] = "none"
    """The score that the threshold of two classes maximises on the validation rows; none: no threshold is chosen."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Seed of the resamples and the permutations."""
