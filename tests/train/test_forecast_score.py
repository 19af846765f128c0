import math

import pytest
import torch

from relight.model.series import Windows
from relight.train.losses.losses import l1, mse
from relight.train.series import forecast_score, skip_missing_targets

NAN = torch.nan


def test_gaps_count_nothing_and_teach_nothing() -> None:
    outputs = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    targets = torch.tensor([[2.0, NAN], [5.0, NAN]])
    for loss, expected in ((l1, (1 + 2) / 2), (mse, (1 + 4) / 2)):
        found = skip_missing_targets(loss)(outputs, targets)
        assert found.item() == pytest.approx(expected)
    found.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert outputs.grad.tolist() == [[-1.0, 0.0], [-2.0, 0.0]]


def windows(scale: list[float]) -> Windows:
    """Two windows that see 100 and forecast two steps each: 120 and a gap, 80 and 130."""
    values = torch.tensor([[100.0], [100.0], [100.0], [100.0], [100.0], [100.0]])
    truth = torch.tensor([100.0, 120.0, NAN, 100.0, 80.0, 130.0])
    origin, number = torch.tensor([1, 4]), torch.tensor([0, 1])
    return Windows(
        values, truth, origin, number, torch.zeros(2).numpy(), length=1, horizon=2, n_future=0,
        scale=torch.tensor(scale).unsqueeze(1),
    )  # fmt: skip


def test_scores_are_in_the_targets_own_unit() -> None:
    outputs = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])  # 110, 100; 80, 100: off by 10, 0 and 30
    assert forecast_score("l1", windows([10.0, 10.0]))(outputs) == pytest.approx(40 / 3)
    assert forecast_score("mse", windows([10.0, 10.0]))(outputs) == pytest.approx(math.sqrt(1000 / 3))


def test_a_large_series_does_not_drown_a_small_one() -> None:
    outputs = torch.tensor([[1.0, 0.0], [-0.2, 0.0]])  # off by 1 of 10; 0 and 0.3 of 100
    score = forecast_score("l1", windows([10.0, 100.0]))(outputs)
    assert score == pytest.approx((1 + 0 + 0.3) / 3 * 2 / (1 / 10 + 1 / 100))  # times the harmonic mean of the units
