from typing import Any

import pytest
from pydantic import ValidationError

from relight.runtime.params import Section


class Example(Section):
    share: float
    count: int


@pytest.mark.parametrize(
    "changed",
    [
        {"share": float("nan")},
        {"share": float("inf")},
        {"share": True},
        {"share": "0.5"},
        {"count": 1.0},
        {"count": True},
        {"other": 1},
    ],
)
def test_a_section_takes_no_nan_no_other_type_and_no_unknown_key(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="1 validation error"):
        Example.model_validate({"share": 0.5, "count": 1, **changed})


def test_a_whole_number_is_a_number() -> None:
    assert Example(share=1, count=1).share == 1.0


def test_params_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example(share=0.5, count=1).count = 2  # type: ignore[misc]
