from typing import Any

import pytest
from pydantic import ValidationError

from relight.prepare.params import LineParams


def line(**changed: Any) -> LineParams:
    tutorial = {"weight": 0.7, "bias": 0.3, "start": 0.0, "stop": 1.0, "step": 0.02, "noise": 0.0, "seed": 42}
    return LineParams.model_validate({"kind": "line", **tutorial, **changed})


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({"stop": -1.0}, "-50"),  # (-1 - 0) / 0.02
        ({"stop": 0.01}, "0.5"),
        ({"step": 1e-8}, r"1e\+08"),
        ({"start": -1e308, "stop": 1e308}, "inf"),
    ],
)
def test_a_line_has_1_to_10_million_points(changed: dict[str, float], points: str) -> None:
    with pytest.raises(ValidationError, match=f"must give 1 to 10000000 points, got {points}"):
        line(**changed)


@pytest.mark.parametrize("changed", [{"weight": 1e38}, {"bias": -1e38}, {"noise": 1e37}, {"stop": 1e38, "step": 1e37}])
def test_a_line_stays_within_float32(changed: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"x and y must stay below 1e\+37 \(float32\), got values up to"):
        line(**changed)
