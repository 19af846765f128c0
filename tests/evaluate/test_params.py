import pytest
from pydantic import ValidationError

from relight.evaluate.params import EvaluateParams


def test_nothing_is_asked_for_unless_it_is_said() -> None:
    asked = EvaluateParams()
    assert (asked.references, asked.slices, asked.bootstrap, asked.importance, asked.threshold) == (
        [],
        [],
        0,
        0,
        "none",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": ["mae"]},
        {"references": ["catboost"]},
        {"slices": "colour"},
        {"bootstrap": -1},
        {"importance": 1001},
        {"threshold": "recall"},
        {"seed": 2**32},
    ],
)
def test_what_is_unknown_or_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        EvaluateParams.model_validate(wrong)
