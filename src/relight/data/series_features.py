"""What only the train rows tell about series: the scale of each of them, covariates, cycles of the calendar."""

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from relight.data.calendar import Cycle
from relight.data.schema import SeriesSchema

MAX_SINGLE = 3.4028234663852886e38  # of float32
Single = Annotated[float, Field(ge=-MAX_SINGLE, le=MAX_SINGLE)]  # what becomes a float32; neither infinite nor NaN


class Covariate(BaseModel):
    """A number that a forecast reads besides the target: of a column, or 1 for a level of a category and 0 otherwise.

    Attributes:
        name: the name of the column, or `column=level`.
        mean, std: of the train rows that have a value; 0 and 1 for a level, which is not standardised.
        known: whether its future is known.
        column, level: the category and its level in the train rows; None for a column of numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mean: Single
    std: Single
    known: bool
    column: str | None = Field(default=None, exclude_if=lambda name: name is None)
    level: str | None = Field(default=None, exclude_if=lambda level: level is None)

    @property
    def source(self) -> str:
        """The column that the number is read from."""
        return self.name if self.column is None else self.column


class OneSeries(BaseModel):
    """One of the series of the train rows.

    Attributes:
        name: None if the table holds only one.
        offset: is subtracted before the values become float32, which would make one of different values such as meter
            readings of ten digits; it is added to the forecasts.
        scale: the standard deviation of its differences from step to step, the unit in which it is learned; 0 if it
            has too few of them, or all are the same.
        seasonal_error: mean |y(t) - y(t - season)|, by which MASE divides (Hyndman and Koehler 2006, "Another look at
            measures of forecast accuracy"); None if it is 0 or there is no such pair.
        lowest, highest: its smallest and its largest value; None without a value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None
    offset: float = Field(default=0.0, allow_inf_nan=False, exclude_if=lambda offset: offset == 0)
    scale: Single
    seasonal_error: Single | None
    lowest: Single | None
    highest: Single | None = Field(default=None, exclude_if=lambda highest: highest is None)


class SeriesFeatures(BaseModel):
    """Series as their train rows describe them.

    Attributes:
        mean, scale: of the target in all train rows, and of its differences.
        each: the series of the train rows, in their order.
        covariates: those of the past first, then those whose future is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    series_schema: SeriesSchema
    mean: Single
    scale: Single
    each: list[OneSeries]
    covariates: list[Covariate]
    cycles: list[Cycle]

    @property
    def sources(self) -> list[str]:
        """The columns that are read besides the target and the time, each once."""
        return list(dict.fromkeys(covariate.source for covariate in self.covariates))

    @property
    def n_future(self) -> int:
        """The number of values of each future step that are known."""
        return sum(covariate.known for covariate in self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)

    @property
    def n_channels(self) -> int:
        """The number of values of each past step, the target among them."""
        return 1 + len(self.covariates) + sum(2 * cycle.harmonics for cycle in self.cycles)

    def numbers(self, names: Iterable[str | None]) -> np.ndarray:
        """Return the number of each series in `each`, int64; `len(each)` for one that the train rows did not have."""
        number_of = {series.name: number for number, series in enumerate(self.each)}
        return np.array([number_of.get(name, len(self.each)) for name in names], dtype=np.int64)

    def seasonal_errors(self) -> np.ndarray:
        """Return the seasonal error by number of series, float64 (n_series + 1,); NaN if there is none."""
        return np.array([*(series.seasonal_error or np.nan for series in self.each), np.nan], dtype=np.float64)
