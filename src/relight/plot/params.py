"""The `plot` section: how the pictures are drawn."""

from pydantic import Field

from relight.runtime.params import Section


class PlotParams(Section):
    dpi: int = Field(ge=30, le=600, examples=[150])
