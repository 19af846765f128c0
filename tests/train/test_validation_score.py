import math

import pytest
import torch
from torch import nn

from relight.model.pipeline import TargetTransform, Temperature
from relight.train.scores import build_validation_score
from tests.feature_tables import features_of

TARGET = torch.tensor([[10.0], [20.0]])


def test_numbers_are_scored_in_the_unit_of_the_target() -> None:
    back = TargetTransform(features_of([], target=[10, 20]), "standardize")  # mean 15, deviation 5
    outputs = torch.tensor([[-1.0], [0.2]])  # 10 and 16: errors 0 and 4
    assert build_validation_score("regression", "mse", back, TARGET, None)(outputs) == pytest.approx(
        math.sqrt(8), rel=1e-6
    )
    assert build_validation_score("regression", "huber", back, TARGET, None)(outputs) == pytest.approx(
        math.sqrt(8), rel=1e-6
    )
    assert build_validation_score("regression", "l1", back, TARGET, None)(outputs) == pytest.approx(2, rel=1e-6)


def test_rows_count_as_much_as_their_weights() -> None:
    weight = torch.tensor([3.0, 1.0])
    outputs = torch.tensor([[10.0], [24.0]])
    assert build_validation_score("regression", "l1", nn.Identity(), TARGET, weight)(outputs) == 1  # 4 * 1/4
    assert build_validation_score("regression", "mse", nn.Identity(), TARGET, weight)(outputs) == 2  # sqrt(16 / 4)


def test_members_are_averaged_in_the_unit_of_the_target() -> None:
    back = TargetTransform(features_of([], target=[math.e**-1, math.e]), "log")  # mean 0, deviation 1
    outputs = torch.tensor([[[0.0], [2.0]]])  # 1 and e²; their mean, not e^1
    score = build_validation_score("regression", "l1", back, torch.tensor([[0.0]]), None)
    assert score(outputs) == pytest.approx((1 + math.e**2) / 2, rel=1e-6)


def test_classes_are_scored_by_log_loss() -> None:
    score = build_validation_score("multiclass", "cross_entropy", Temperature(), torch.tensor([0]), None)
    assert score(torch.tensor([[0.0, 0.0]])) == pytest.approx(math.log(2), rel=1e-12)
