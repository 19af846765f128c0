"""The `plot` section."""

from pydantic import Field

from relight.runtime.params import Section


class PlotParams(Section):
    """The settings of the pictures."""

    dpi: int = Field(ge=30, le=600, examples=[150])
    """Resolution of the pictures, in dots per inch."""
