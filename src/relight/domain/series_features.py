"""What is known of series beside their columns: scales, covariates, cycles of the calendar."""

from pydantic import BaseModel, ConfigDict, Field

from relight.domain.cycles import Cycle
from relight.domain.schema import SeriesSchema


class Covariate(BaseModel):
    """A number beside the target: a column's, or for a category 1 where it has a level and 0 elsewhere.

    Attributes:
        name: of the number: the column's, or `column=level`.
        mean, std: of the train rows that have a value; 0 and 1 for a level, which stays as it is.
        known: its future is known.
        column, level: of a level of the train rows; None for a column of numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mean: float
    std: float
    known: bool
    column: str | None = Field(default=None, exclude_if=lambda name: name is None)
    level: str | None = Field(default=None, exclude_if=lambda level: level is None)

    @property
    def source(self) -> str:
        """The column that it is read from."""
        return self.name if self.column is None else self.column


class SeriesFeatures(BaseModel):
    """
    Attributes:
        mean: of the target in the train rows.
        scale: the deviation of the differences between neighbours in the train rows; the network's unit.
        seasonal_error: mean |y(t) - y(t - season)| of the train rows, by which MASE divides (Hyndman and Koehler
            2006, "Another look at measures of forecast accuracy"); None where it is 0 or there is no such pair.
        covariates: past ones first, then those whose future is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    known: SeriesSchema
    mean: float
    scale: float
    seasonal_error: float | None
    covariates: list[Covariate]
    cycles: list[Cycle]

    @property
    def sources(self) -> list[str]:
        """The columns that are read beside target and time, each once."""
        return list(dict.fromkeys(covariate.source for covariate in self.covariates))

    @property
    def n_future(self) -> int:
        """How many numbers are known of each step to come."""
        return sum(covariate.known for covariate in self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)

    @property
    def n_channels(self) -> int:
        """How many numbers each step of the past has, the target among them."""
        return 1 + len(self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)
