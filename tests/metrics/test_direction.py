import pytest

from relight.metrics.direction import as_loss, name_with_direction


@pytest.mark.parametrize(
    ("name", "better", "worse", "text"),
    [
        ("mae", 0.5, 0.75, "mae ↓"),
        ("auc", 0.75, 0.5, "auc ↑"),
        ("coverage_80", 0.82, 0.9, "coverage_80 → 0.8"),
        ("coverage_80", 0.75, 0.6, "coverage_80 → 0.8"),
    ],
)
def test_a_score_is_better_down_up_or_near_its_nominal_value(name: str, better: float, worse: float, text: str) -> None:
    assert as_loss(name, better) < as_loss(name, worse)
    assert name_with_direction(name) == text
