from statistics import NormalDist

import pytest
import torch

from relight.model.preprocessing import normal_quantile


def test_scores_are_those_of_the_normal_distribution() -> None:
    levels = torch.cat([torch.linspace(0.001, 0.999, 999), torch.tensor([1e-6, 1e-5, 0.07499, 0.07501, 0.92501])])
    expected = [NormalDist().inv_cdf(level) for level in levels.tolist()]
    assert normal_quantile(levels, 1 - levels).tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_near_one_the_distance_from_above_has_the_digits() -> None:
    above = torch.tensor([1e-6, 2e-7])
    assert normal_quantile(1 - above, above).tolist() == pytest.approx([4.753424, 5.068958], rel=1e-5)


def test_the_ends_are_those_of_scikit_learn() -> None:
    ends = normal_quantile(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])).tolist()
    assert ends == pytest.approx([-5.199338, 5.199338], rel=1e-5)


def test_mirrored_levels_have_mirrored_scores() -> None:
    level = torch.linspace(0, 1, 1001)
    there, back = normal_quantile(level, level.flip(0)), normal_quantile(level.flip(0), level)
    torch.testing.assert_close(there, -back, rtol=0, atol=2e-7)
