"""The `plot` section: how the pictures are drawn."""

from pydantic import Field

from relight.params.section import Section


class PlotParams(Section):
    dpi: int = Field(ge=30, le=600, examples=[150])
