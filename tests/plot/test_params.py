import pytest
from pydantic import ValidationError

from relight.plot.params import PlotParams


def test_pictures_have_30_to_600_dots_per_inch() -> None:
    assert (PlotParams(dpi=30).dpi, PlotParams(dpi=600).dpi) == (30, 600)
    for dpi in (29, 601):
        with pytest.raises(ValidationError, match=r"(greater|less) than or equal to (30|600)"):
            PlotParams(dpi=dpi)
