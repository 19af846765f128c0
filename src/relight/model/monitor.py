"""The score of the validation rows that early stopping watches: its name, and which way it is better."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Better = Literal["higher", "lower"] | float  # a number: the nearer to it


class Monitor(BaseModel):
    """
    Attributes:
        name: of the metric; score for the usual score of the loss, loss for the loss itself.
        note: why it is not the one that was asked for, one sentence; else "".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    better: Better
    note: str = Field(default="", exclude_if=lambda note: not note)

    def as_loss(self, value: float) -> float:
        """Return a number that is smaller the better the value is: -value, or the distance from the best one."""
        match self.better:
            case "lower":
                return value
            case "higher":
                return -value
            case best:
                return abs(value - best)

    @property
    def title(self) -> str:
        """The name and the direction: `accuracy (higher is better)`."""
        return f"{self.name} ({direction_text(self.better)})"


def direction_text(better: Better) -> str:
    """Return which way is better, in words."""
    return f"{better} is better" if isinstance(better, str) else f"best at {better:g}"


USUAL_SCORE = Monitor(name="score", better="lower")
