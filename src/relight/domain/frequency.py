"""How far apart the steps of a series are."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from relight.domain.counted import counted

SECOND, DAY = 1_000_000, 86_400  # microseconds; seconds
SEASONS = {1: 60, 60: 60, 600: 144, 900: 96, 1800: 48, 3600: 24, DAY: 7, 7 * DAY: 52}  # seconds of a step → its season
SEASONS_OF_MONTHS = {1: 12, 3: 4, 12: 1}


class Frequency(BaseModel):
    """The length of a step: `every` whole numbers, seconds or months.

    Attributes:
        month_end: the times are last days of their months.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["number", "second", "month"]
    every: int
    month_end: bool = False

    def __str__(self) -> str:
        if self.unit == "number":
            return str(self.every)
        if self.unit == "month":
            return counted(self.every, "month")
        for name, seconds in (("week", 7 * DAY), ("day", DAY), ("hour", 3600), ("minute", 60), ("second", 1)):
            if self.every % seconds == 0:
                return counted(self.every // seconds, name)
        raise AssertionError("each number of seconds is some of one second")

    @property
    def season(self) -> int:
        """Steps after which a series is expected to repeat itself; 1 where nothing is known."""
        known = {"number": {}, "second": SEASONS, "month": SEASONS_OF_MONTHS}[self.unit]
        return known.get(self.every, 1)
