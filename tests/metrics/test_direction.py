from typing import Any

import pytest

from relight.metrics.direction import (
    BUILT_IN,
    Better,
    Directions,
    as_loss,
    directions_of,
    name_with_direction,
    own_metric_entries,
)


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
    assert as_loss(BUILT_IN[name], better) < as_loss(BUILT_IN[name], worse)
    assert name_with_direction(name, BUILT_IN) == text


def with_own(**better: object) -> dict[str, Any]:
    return {"own_metrics": [{"name": name, "better": each} for name, each in better.items()]}


@pytest.mark.parametrize(
    ("better", "good", "bad", "text"),
    [
        ("higher", 0.9, 0.8, "mine ↑"),
        ("lower", 0.8, 0.9, "mine ↓"),
        (0, -0.1, 0.2, "mine → 0"),
        (-1.5, -1.4, 1.5, "mine → -1.5"),
    ],
)
def test_an_own_score_has_the_direction_that_metrics_json_says(
    better: Better, good: float, bad: float, text: str
) -> None:
    directions = directions_of(with_own(mine=better))
    assert as_loss(directions["mine"], good) < as_loss(directions["mine"], bad)
    assert name_with_direction("mine", directions) == text


def test_a_score_of_unknown_direction_has_no_arrow() -> None:
    assert name_with_direction("mine", BUILT_IN) == "mine"


def test_of_several_runs_a_direction_counts_if_none_contradicts() -> None:
    directions = directions_of(with_own(one="higher", two="higher"), with_own(one="higher", two="lower"), {})
    assert directions["one"] == "higher"
    assert "two" not in directions


@pytest.mark.parametrize(
    "content",
    [
        {"own_metrics": {"name": "mine", "better": "higher"}},
        {"own_metrics": ["mine"]},
        with_own(mine="up"),
        with_own(mine=True),
        with_own(mine=None),
        with_own(mae="higher"),  # a damaged file turns no arrow of Relight's
        {"own_metrics": [{"name": 3, "better": "higher"}]},
    ],
)
def test_what_is_no_entry_says_nothing(content: dict[str, Any]) -> None:
    assert own_metric_entries(content) == {}
    assert directions_of(content) == BUILT_IN


def test_every_score_of_relight_has_one_direction() -> None:
    """The names that all tasks give, as the tests of their scorers write them."""
    given: Directions = BUILT_IN
    lower = {"mae", "rmse", "median_ae", "mape", "log_loss", "brier", "ece", "ece_before", "kl_divergence", "smape"}
    assert {name for name, better in given.items() if better == "lower"} == lower | {"mase"}
    assert {name for name, better in given.items() if isinstance(better, float)} == {"coverage_80"}
