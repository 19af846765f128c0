import math

import pytest
import torch

from relight.model.networks.forecaster import WindowBack
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


def test_scores_are_in_the_targets_own_unit() -> None:
    back, target = WindowBack(mean=100.0, scale=10.0), torch.tensor([[120.0, NAN], [80.0, 130.0]])
    outputs = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])  # 110, 100; 80, 100: off by 10, 0 and 30
    assert forecast_score("l1", back, target)(outputs) == pytest.approx(40 / 3)
    assert forecast_score("mse", back, target)(outputs) == pytest.approx(math.sqrt(1000 / 3))
